"""What the authority publishes: its list of revoked certificates, and the registry's signed entries.

The list is signed anew whenever a number was added, and every `AGAIN` at the latest, a third of its life. It
is answered to whoever asks the listener, and laid, with every current entry, into the folders of `[publish]`,
each file whole (written beside its place and renamed). A folder that cannot be written is logged; the
next round tries again. One thread: the token and the store take one call at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from passerelle.clock import Clock
from passerelle.codec.signed import encode_signed
from passerelle.errors import PasserelleError
from passerelle.keyfile import write_durably
from passerelle.log import get_logger
from passerelle.privatefile import make_folder
from passerelle.registry_entry import decode_entry
from passerelle.revocation import LIST_LIFETIME, SUFFIX
from passerelle.sign import Signed
from passerelle_pki.authority import DATABASE_FILE, active_issuer, trust_domain_of
from passerelle_pki.rollover import AUTHORITY_LIST_FILE
from passerelle_pki.store import open_database
from passerelle_pki.store.revocations import RevocationStore

AGAIN: Final = LIST_LIFETIME // 3
_MODE: Final = 0o644
_LOG: Final = get_logger("pki")


class Lists:
    """The list of one authority's folder, signed when it has to be."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.trust_domain: Final = trust_domain_of(folder)
        self._folder = folder
        self._clock = clock
        self._store = RevocationStore(open_database(folder / DATABASE_FILE))
        self._current = b""
        self._made = 0
        self._of: tuple[frozenset[int], bytes] = (frozenset(), b"")

    def current(self) -> bytes:
        """The list (PEM): issuing authority, its list, the root's list of revoked authorities.

        Raises:
            PasserelleError: `issuer_external`, `token_unavailable`, what opening the authority raises.
        """
        now = self._clock.now()
        of = (self._store.serials(), self._authorities())
        if not self._current or of != self._of or now - self._made >= AGAIN:
            issuer = active_issuer(self._folder)
            self._current = issuer.revocations(self._store.current(now), now) + of[1]
            self._made, self._of = now, of
        return self._current

    def _authorities(self) -> bytes:
        file = self._folder / AUTHORITY_LIST_FILE
        return file.read_bytes() if file.exists() else b""


class Publisher:
    """Keeps folders up to date."""

    def __init__(
        self,
        lists: Lists | None,
        entries: Callable[[], Iterable[Signed]],
        entry_folders: tuple[Path, ...],
        list_folders: tuple[Path, ...],
    ) -> None:
        """`lists` is None where another authority signs them."""
        self._lists = lists
        self._entries = entries
        self._entry_folders = entry_folders
        self._list_folders = list_folders

    def publish(self) -> None:
        """Write what changed."""
        if self._lists is not None and self._list_folders:
            try:
                listed = self._lists.current()
            except PasserelleError as error:
                _LOG.error("list.failed", code=error.code, detail=error.detail)
            else:
                for folder in self._list_folders:
                    _put(folder / f"{self._lists.trust_domain}{SUFFIX}", listed)
        if self._entry_folders:
            for signed in self._entries():
                name = decode_entry(signed.payload).agency
                for folder in self._entry_folders:
                    _put(folder / f"{name}.entry", encode_signed(signed))


def _put(file: Path, content: bytes) -> None:
    try:
        if file.exists() and file.read_bytes() == content:
            return
        make_folder(file.parent, 0o755)
        write_durably(file, content, mode=_MODE, replace=True)
    except OSError as error:
        _LOG.error("publish.failed", detail=f"{file.name}: {type(error).__name__}")
