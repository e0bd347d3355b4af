"""All shares of a trustee: those it was set up with, and those of each ceremony that it took part in.

Files are read when the trustee starts and again when a ceremony may have ended, so that a new generation or
epoch serves without restart. Several generations of one key may stand side by side while connectors go over;
a request names the one it means. What lies in a file is checked as `passerelle_trustee.share` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.oprf.keys import KeyShare
from passerelle.privatefile import remove_durably
from passerelle_trustee.ceremonies.folder import GROUP_KEYS, SHARES
from passerelle_trustee.share import ShareBook, load_shares


class Shelf:
    """Share books; reads may come from any thread.

    Args:
        first: the book the trustee was set up with; it may be missing where ceremonies made all shares.
        ceremonies: the folder of ceremonies; the shares of one serve once all its trustees confirmed.

    Raises:
        PasserelleError: `share_file_invalid`, `key_file_permissions`, `key_file_missing`.
    """

    def __init__(self, first: Path, ceremonies: Path) -> None:
        self._first = first
        self._ceremonies = ceremonies
        self._books: Mapping[Path, ShareBook] = {}
        self.refresh()

    def refresh(self) -> int:
        """Read books that were not there before, forget those that are gone; returns how many are there."""
        done = sorted(self._ceremonies.glob(f"*/{GROUP_KEYS}")) if self._ceremonies.is_dir() else []
        files = [file.with_name(SHARES) for file in done if file.with_name(SHARES).exists()]
        if self._first.exists() or not (files or self._ceremonies.is_dir()):
            files.insert(0, self._first)
        self._books = {file: self._books.get(file) or load_shares(file) for file in files}
        return len(self._books)

    @property
    def books(self) -> tuple[ShareBook, ...]:
        """All books, the first one first."""
        return tuple(self._books.values())

    @property
    def shares(self) -> tuple[KeyShare, ...]:
        """All shares, oldest generation first."""
        found = (share for book in self.books for share in book.shares)
        return tuple(sorted(found, key=lambda share: share.info.generation))

    @property
    def index(self) -> int:
        """This trustee's index in the newest generation it holds; 0 where it holds nothing."""
        return self.shares[-1].index if self.shares else 0

    def find(self, domain: str, group: Group, epoch: int, generation: int) -> KeyShare:
        """The share of a key in a generation, or else its newest one, which will refuse the request.

        Raises:
            PasserelleError: `share_unknown`.
        """
        name = (domain, group, epoch)
        held = [
            share for share in self.shares if (share.info.domain, share.info.group, share.info.epoch) == name
        ]
        if not held:
            raise PasserelleError("share_unknown", f"no share for {group} epoch {epoch}")
        return next((share for share in held if share.info.generation == generation), held[-1])


def erase_shares(ceremonies: Path, ceremony: str, shelf: Shelf) -> None:
    """Remove the shares of a ceremony of which every key was dealt anew since.

    Raises:
        PasserelleError: `ceremony_unknown`, `share_still_needed`.
    """
    file = ceremonies / ceremony / SHARES
    if not file.is_file():
        raise PasserelleError("ceremony_unknown", "no shares of such a ceremony")
    for share in load_shares(file).shares:
        info = share.info
        if shelf.find(info.domain, info.group, info.epoch, 0).info.generation <= info.generation:
            raise PasserelleError("share_still_needed", info.label)
    remove_durably(file)
