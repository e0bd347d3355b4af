"""The people of an authority: each has a signing key of her own, and every decision is made with one.

Who may make codes and approve is a folder of public keys, a file a person (`<name>.pub`), kept with the
rights of the authority's folder. A name typed on a command line would prove nothing: a person acts by a key
file that only she can read (mode 0600, sealed under her passphrase or not), the act is signed, and the
signature is verified against the folder. Two people are two names with two keys; one key under two names is
refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from passerelle.canonical import digest
from passerelle.entry_files import naming
from passerelle.errors import PasserelleError
from passerelle.keyfile import KeyKind, read_key, write_durably, write_key
from passerelle.privatefile import make_folder
from passerelle.sign import SigningKey, VerifyingKey, sign, verify

ACT_TYPE: Final = "application/vnd.passerelle.operator-act.v1"
_NAME: Final = re.compile(r"[a-z][a-z0-9._-]{0,39}", re.ASCII)
_MODE: Final = 0o644


@dataclass(frozen=True, slots=True)
class Operator:
    """A person who has just shown her key."""

    name: str
    key_id: bytes


class Operators:
    """The people of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, name: str, key_file: Path) -> Operator:
        """Enter a person; her key is made where it is missing.

        Raises:
            PasserelleError: `operator_refused`, a name or key that is taken; what reading a key file raises.
        """
        if _NAME.fullmatch(name) is None:
            raise PasserelleError("operator_refused", "a name is lower-case letters, digits, dot, dash")
        if not key_file.exists():
            write_key(key_file, KeyKind.SIGNING, SigningKey.generate().raw)
        key = SigningKey(read_key(key_file, KeyKind.SIGNING)).public
        known = self._known()
        if name in known or key in known.values():
            raise PasserelleError("operator_refused", f"{name}, or this key, is entered already")
        make_folder(self._folder, 0o755)
        write_durably(self._folder / f"{name}.pub", key.raw, mode=_MODE)
        return Operator(name, key.key_id)

    def names(self) -> tuple[str, ...]:
        """Everybody entered."""
        return tuple(self._known())

    def act(self, key_file: Path, act: str, *parts: str | bytes) -> Operator:
        """Who acts: signs the act with the key of a file, and verifies it as that of a person entered.

        Raises:
            PasserelleError: `operator_unknown`, what reading a key file raises.
        """
        key = SigningKey(read_key(key_file, KeyKind.SIGNING))
        signed = sign(key, ACT_TYPE, digest("passerelle/operator-act/1", act, *parts))
        for name, public in self._known().items():
            if public.key_id == key.public.key_id:
                verify(signed, public, ACT_TYPE)
                return Operator(name, public.key_id)
        raise PasserelleError("operator_unknown", key_file.name)

    def _known(self) -> Mapping[str, VerifyingKey]:
        known: dict[str, VerifyingKey] = {}
        for file in sorted(self._folder.glob("*.pub")):
            with naming(file):
                known[file.stem] = VerifyingKey(file.read_bytes())
        return known
