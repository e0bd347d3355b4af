"""The trustee's shares: one file, one share for each domain, identifier group and epoch.

Rules
-----
1. The file belongs to the user of the process and gives nobody else any permission; otherwise nothing is
   loaded, for the share may have been read. Owner and mode are those of the opened file, so they cannot
   change in between.
2. A file is written once, to disk before the call returns, and never overwritten.
3. Every share is checked against its public share, and every public side in itself, before the first one is
   used.
4. No detail of an error holds content of the file.

The format is JSON: which ceremony, which trustee, and for each share its public side and the secret scalar.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.oprf.documents import array, hexadecimal, members, number, parse, text
from passerelle.oprf.keys import GroupKeyInfo, KeyShare
from passerelle.oprf.pinned import Ceremony

_FORMAT: Final = "passerelle/trustee-shares/1"
_MODE: Final = 0o600


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

    def find(self, domain: str, group: Group, epoch: int) -> KeyShare:
        """The share to evaluate with.

        Raises:
            PasserelleError: `share_unknown`.
        """
        for share in self.shares:
            if (share.info.domain, share.info.group, share.info.epoch) == (domain, group, epoch):
                return share
        raise PasserelleError("share_unknown", f"trustee {self.index}: no share for {group} epoch {epoch}")


def load_shares(file: Path) -> ShareBook:
    """Read the trustee's share file.

    Raises:
        PasserelleError: `share_file_exposed` (rule 1), `share_file_invalid`.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise PasserelleError("share_file_invalid", f"{file.name}: {type(error).__name__}") from error
    with open(descriptor, "rb") as opened:  # noqa: PTH123 - of the descriptor that is checked
        status = os.fstat(descriptor)
        private = stat.S_ISREG(status.st_mode) and not stat.S_IMODE(status.st_mode) & 0o077
        if not private or status.st_uid != os.geteuid():
            raise PasserelleError("share_file_exposed", f"{file.name}: mode {stat.S_IMODE(status.st_mode):o}")
        content = opened.read()
    try:
        return _book(content.decode())
    except (ValueError, PasserelleError) as error:
        detail = error.detail if isinstance(error, PasserelleError) else type(error).__name__
        raise PasserelleError("share_file_invalid", f"{file.name}: {detail}") from None


def write_shares(file: Path, book: ShareBook) -> None:
    """Write a share file, durably.

    Raises:
        PasserelleError: `ceremony_file_exists` (rule 2).
        OSError: the folder cannot be written; a file that was begun is removed.
    """
    shares = [{"key": share.info.to_document(), "secret": share.secret.hex()} for share in book.shares]
    document = {"format": _FORMAT, "ceremony": str(book.ceremony), "index": book.index, "shares": shares}
    write_once(file, json.dumps(document, sort_keys=True, indent=1) + "\n", _MODE)


def write_once(file: Path, content: str, mode: int) -> None:
    """Create a file with this mode, on disk before the call returns.

    Raises:
        PasserelleError: `ceremony_file_exists`.
        OSError: it cannot be written; what was begun is removed.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError as error:
        raise PasserelleError("ceremony_file_exists", file.name) from error
    try:
        with open(descriptor, "w", encoding="utf-8") as opened:  # noqa: PTH123 - created exclusively above
            os.fchmod(descriptor, mode)
            opened.write(content)
            opened.flush()
            os.fsync(descriptor)
    except OSError:
        file.unlink()
        raise
    _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    """Make the name durable; without it the file may be gone after a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _book(content: str) -> ShareBook:
    found = members(parse(content), ("format", "ceremony", "index", "shares"), _FORMAT)
    index = number(found["index"])
    shares = tuple(_share(item, index) for item in array(found["shares"]))
    return ShareBook(Ceremony(text(found["ceremony"])), index, shares)


def _share(item: object, index: int) -> KeyShare:
    found = members(item, ("key", "secret"))
    return KeyShare(GroupKeyInfo.from_document(found["key"]), index, hexadecimal(found["secret"]))
