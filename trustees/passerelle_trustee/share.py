"""The trustee's shares: one file, one share for each domain, identifier group and epoch.

Rules
-----
1. The file is a private file (`passerelle.keyfile`), sealed where a passphrase is there; one that others may
   touch is not loaded, for the share may have been read.
2. A file is written once, to disk before the call returns, and never overwritten.
3. Every share is checked against its public share, and every public side in itself, before the first one is
   used.
4. No detail of an error holds content of the file.

The format is JSON: which ceremony, which trustee, and for each share its public side and the secret scalar.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.keyfile import KeyKind, read_document, write_document
from passerelle.oprf.documents import array, hexadecimal, members, number, parse, text
from passerelle.oprf.keys import GroupKeyInfo, KeyShare
from passerelle.oprf.pinned import Ceremony

_FORMAT: Final = "passerelle/trustee-shares/1"


@dataclass(frozen=True, slots=True)
class ShareBook:
    """All shares of one trustee.

    Raises:
        PasserelleError: `share_file_invalid`: a share of another trustee, or two for one key.
    """

    ceremony: Ceremony
    index: int
    shares: tuple[KeyShare, ...]

    def __post_init__(self) -> None:
        if any(share.index != self.index for share in self.shares):
            raise PasserelleError("share_file_invalid", "a share of another trustee")
        keys = {(share.info.domain, share.info.group, share.info.epoch) for share in self.shares}
        if len(keys) != len(self.shares):
            raise PasserelleError("share_file_invalid", "two shares for one domain, group and epoch")

    def find(self, domain: str, group: Group, epoch: int, generation: int = 0) -> KeyShare:
        """The share to evaluate with; a book holds one generation, and the evaluation refuses any other.

        Raises:
            PasserelleError: `share_unknown`.
        """
        del generation
        for share in self.shares:
            if (share.info.domain, share.info.group, share.info.epoch) == (domain, group, epoch):
                return share
        raise PasserelleError("share_unknown", f"trustee {self.index}: no share for {group} epoch {epoch}")


def load_shares(file: Path) -> ShareBook:
    """Read the trustee's share file.

    Raises:
        PasserelleError: `share_file_invalid`; what reading a private file or the passphrase raises (rule 1).
    """
    content = read_document(file, KeyKind.SHARES)
    try:
        return _book(content.decode())
    except (ValueError, PasserelleError) as error:
        detail = error.detail if isinstance(error, PasserelleError) else type(error).__name__
        raise PasserelleError("share_file_invalid", f"{file.name}: {detail}") from None


def write_shares(file: Path, book: ShareBook) -> None:
    """Write a share file, durably.

    Raises:
        PasserelleError: `key_file_exists` (rule 2), what reading the passphrase raises.
        OSError: as `passerelle.keyfile.write_durably`.
    """
    shares = [{"key": share.info.to_document(), "secret": share.secret.hex()} for share in book.shares]
    document = {"format": _FORMAT, "ceremony": str(book.ceremony), "index": book.index, "shares": shares}
    content = (json.dumps(document, sort_keys=True, indent=1) + "\n").encode()
    write_document(file, KeyKind.SHARES, content)


def _book(content: str) -> ShareBook:
    found = members(parse(content), ("format", "ceremony", "index", "shares"), _FORMAT)
    index = number(found["index"])
    shares = tuple(_share(item, index) for item in array(found["shares"]))
    return ShareBook(Ceremony(text(found["ceremony"])), index, shares)


def _share(item: object, index: int) -> KeyShare:
    found = members(item, ("key", "secret"))
    return KeyShare(GroupKeyInfo.from_document(found["key"]), index, hexadecimal(found["secret"]))
