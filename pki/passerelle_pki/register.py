"""Whom the authority renews for: registry entries, and the manifest keys that they fix.

Entries come signed, from the registry of this pki or from a folder, and are verified against the registry's
key. `refresh` replaces whole values, so that a reader in another thread sees the old or the new state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from passerelle.codec.signed import decode_signed
from passerelle.errors import PasserelleError
from passerelle.federation import Federation
from passerelle.identity import Identity
from passerelle.log import get_logger
from passerelle.manifest import read_manifest
from passerelle.registry_entry import verify_entry
from passerelle.sign import Signed, VerifyingKey

_LOG: Final = get_logger("pki")
_NO_SERIAL: Final = 0
"""No certificate is shown, so none can be revoked; serial numbers are positive (RFC 5280 4.1.2.2)."""


class Register:
    """Parties by the manifest key of their entry."""

    def __init__(
        self, read: Callable[[], Iterable[Signed]], key: VerifyingKey, federation: Federation
    ) -> None:
        self._read = read
        self._key = key
        self._federation = federation
        self._known: frozenset[Signed] = frozenset()
        self._keys: Mapping[bytes, VerifyingKey] = {}
        self._holders: Mapping[str, bytes] = {}

    def refresh(self) -> int:
        """Take new entries; one that does not verify is logged and left out. Returns how many were new.

        Raises:
            PasserelleError: `config_invalid`, the folder of entries cannot be read.
        """
        new = [signed for signed in self._read() if signed not in self._known]
        for signed in new:
            try:
                self._federation.accept(verify_entry(signed, self._key))
            except PasserelleError as error:
                _LOG.warning("entry.refused", code=error.code, detail=error.detail)
        if new:
            self._known |= frozenset(new)
            self._index()
        return len(new)

    def manifest_key(self, key_id: bytes) -> VerifyingKey:
        """The registered manifest key with an id (32 bytes).

        Raises:
            PasserelleError: `renewal_key_unknown`.
        """
        try:
            return self._keys[key_id]
        except KeyError:
            raise PasserelleError("renewal_key_unknown", key_id.hex()[:16]) from None

    def check(self, identity: Identity, key: VerifyingKey) -> None:
        """Check that a party takes part and that this is its manifest key.

        Raises:
            PasserelleError: `agency_unknown`, `agency_suspended`, `role_not_allowed`, `renewal_key_unknown`.
        """
        self._federation.check(identity, _NO_SERIAL)
        if self._holders.get(identity.agency) != key.key_id:
            raise PasserelleError("renewal_key_unknown", f"not that of {identity.agency}")

    def _index(self) -> None:
        keys: dict[bytes, VerifyingKey] = {}
        holders: dict[str, bytes] = {}
        for entry in self._federation.entries:
            if not entry.manifest:
                continue
            try:
                key = read_manifest(entry.manifest, entry.agency).manifest_key
            except PasserelleError as error:
                _LOG.warning("manifest.refused", agency=entry.agency, code=error.code, detail=error.detail)
                continue
            keys[key.key_id] = key
            holders[entry.agency] = key.key_id
        self._keys, self._holders = keys, holders


def read_folder(folder: Path) -> tuple[Signed, ...]:
    """The signed entries in a folder, not yet verified; a file that holds none is logged and left out.

    Raises:
        PasserelleError: `config_invalid`.
    """
    try:
        files = [(file.name, file.read_bytes()) for file in sorted(folder.iterdir()) if file.is_file()]
    except OSError as error:
        raise PasserelleError("config_invalid", f"directory.entries: {type(error).__name__}") from error
    found: list[Signed] = []
    for name, raw in files:
        try:
            found.append(decode_signed(raw))
        except PasserelleError as error:
            _LOG.warning("entry.refused", code=error.code, detail=name)
    return tuple(found)
