"""A trustee's folder of one ceremony: what it is about, what was said, what was drawn, how it ended.

    agreement.toml  keys.json      the agreement, and in a reshare the present keys
    own/            from/<agency>/ signed messages by name: ours, and those of the others
    dealing.key                    secret, sealed or 0600: polynomials and reveal; removed at the end
    shares.json                    secret, sealed or 0600: the new shares
    group-keys.json                the keys with all confirmations: what connectors pin
    evidence/                      signed messages that contradict one in from/
    failed.json                    why it is over, and whose fault it is

Fault table: each file appears whole or not at all and is never overwritten, so a step that broke off before
its file is taken again from what is there, and one that broke off after it is not repeated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from passerelle.codec.signed import decode_signed, encode_signed
from passerelle.errors import PasserelleError
from passerelle.keyfile import KeyKind, read_document, write_document, write_durably
from passerelle.oprf.ceremony import Dealing, Plan, Reveal
from passerelle.oprf.documents import array, hexadecimal, members, number, parse, text
from passerelle.privatefile import make_folder, remove_durably
from passerelle.sign import Signed

AGREEMENT: Final = "agreement.toml"
SHARES: Final = "shares.json"
GROUP_KEYS: Final = "group-keys.json"
_DEALING: Final = "dealing.key"
_FAILED: Final = "failed.json"


class Folder:
    """Reads and writes one ceremony's files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._dealing: Dealing | None = None

    def make(self) -> None:
        """Create what is missing; looked at every few seconds, so what is there is left alone."""
        for part in (self.path, self.path / "own", self.path / "from"):
            if not part.is_dir():
                make_folder(part)

    def put(self, name: str, content: bytes, *, secret: KeyKind | None = None) -> None:
        """Write a file durably; a secret one says what it holds.

        Raises:
            PasserelleError: `key_file_exists`.
        """
        file = self.path / name
        make_folder(file.parent)
        if secret is not None:
            write_document(file, secret, content)
        else:
            write_durably(file, content, mode=0o644)

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        return (self.path / name).exists()

    def read(self, name: str) -> bytes:
        """A public file's content."""
        return (self.path / name).read_bytes()

    def own(self) -> Iterator[tuple[str, Signed]]:
        """Our messages by name."""
        return self._messages(self.path / "own")

    def of(self, agency: str) -> Iterator[tuple[str, Signed]]:
        """Another's messages by name."""
        return self._messages(self.path / "from" / agency)

    def put_own(self, name: str, signed: Signed) -> None:
        """Write a message of ours; from then on it may be handed out."""
        self.put(f"own/{name}", encode_signed(signed))

    def put_from(self, agency: str, name: str, signed: Signed) -> None:
        """Write a message of another."""
        self.put(f"from/{agency}/{name}", encode_signed(signed))

    def keep_evidence(self, name: str, signed: Signed) -> None:
        """Keep a message that contradicts one that is stored."""
        if not self.has(f"evidence/{name}"):
            self.put(f"evidence/{name}", encode_signed(signed))

    def put_dealing(self, dealing: Dealing) -> None:
        """Keep our polynomials and reveal, before anything of them is said."""
        shown = dealing.reveal
        document = {
            "coefficients": [part.hex() for part in dealing.coefficients],
            "commitments": [part.hex() for part in shown.commitments],
            "dealer": shown.dealer,
            "proofs": [part.hex() for part in shown.proofs],
            "salt": shown.salt.hex(),
        }
        self.put(_DEALING, json.dumps(document).encode(), secret=KeyKind.DEALING)

    def dealing(self, plan: Plan) -> Dealing | None:
        """Our polynomials, None before they are drawn.

        Raises:
            PasserelleError: what reading a private file or the passphrase raises, `key_file_malformed`.
        """
        file = self.path / _DEALING
        if not file.exists():
            return None
        if self._dealing is not None:  # opening a sealed file is slow on purpose
            return self._dealing
        try:
            names = ("coefficients", "commitments", "dealer", "proofs", "salt")
            found = members(parse(read_document(file, KeyKind.DEALING).decode()), names)
            columns = {
                name: tuple(hexadecimal(part) for part in array(found[name]))
                for name in ("coefficients", "commitments", "proofs")
            }
            reveal = Reveal(
                number(found["dealer"]), columns["commitments"], columns["proofs"], hexadecimal(found["salt"])
            )
        except ValueError as error:
            raise PasserelleError("key_file_malformed", _DEALING) from error
        self._dealing = Dealing(plan, columns["coefficients"], reveal)
        return self._dealing

    def forget_dealing(self) -> None:
        """Remove our polynomials; the share is all that is needed from now on."""
        remove_durably(self.path / _DEALING)
        self._dealing = None

    def fail(self, code: str, culprit: str) -> None:
        """Note once that the ceremony is over."""
        if not self.has(_FAILED):
            self.put(_FAILED, json.dumps({"code": code, "culprit": culprit}).encode())

    def failure(self) -> tuple[str, str] | None:
        """Code and culprit of a ceremony that is over."""
        if not self.has(_FAILED):
            return None
        found = members(parse(self.read(_FAILED).decode()), ("code", "culprit"))
        return text(found["code"]), text(found["culprit"])

    def _messages(self, folder: Path) -> Iterator[tuple[str, Signed]]:
        if folder.is_dir():
            for file in sorted(folder.iterdir()):
                if not file.name.startswith("."):
                    yield file.name, decode_signed(file.read_bytes())
