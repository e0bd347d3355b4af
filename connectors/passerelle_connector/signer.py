"""Which of our keys is in use: signing by what the registry has published, opening by whatever is there.

The newest key that our published manifest lists signs; others could not verify any other. Where no such key
is known, the newest signs and the hub's answer says what is wrong. A key that is missed makes the folder be
read again, since `rotate` is another process: a running connector changes over without a restart.

Safe to share between threads: whole keyrings are replaced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from passerelle.clock import Clock
from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle.seal import SealingKey
from passerelle.sign import SigningKey
from passerelle_connector.keyring import Keyring, load_keys
from passerelle_connector.peers import Peers

_LOG: Final = get_logger("keys")


class OwnKeys:
    """The keys of a folder as they are now."""

    def __init__(self, agency: str, folder: Path, ring: Keyring, peers: Peers, clock: Clock) -> None:
        self.sealing: Final[Mapping[bytes, SealingKey]] = _Sealing(self)
        self._agency = agency
        self._folder = folder
        self._ring = ring
        self._peers = peers
        self._clock = clock
        self._last = b""

    @property
    def ring(self) -> Keyring:
        """The keys read last."""
        return self._ring

    def signing(self) -> SigningKey:
        """The key to sign with now."""
        published = self._published()
        if published and published[0] not in {key.public.key_id for key in self._ring.signers}:
            self.reload()
        mine = {key.public.key_id: key for key in self._ring.signers}
        usable = [mine[key_id] for key_id in published if key_id in mine]
        chosen = usable[0] if usable else self._ring.signing
        if chosen.public.key_id != self._last:
            self._last = chosen.public.key_id
            _LOG.info("signing.key", detail=self._last.hex()[:16])
        return chosen

    def reload(self) -> None:
        """Read the folder again; where that fails, what was read before stays in use."""
        try:
            self._ring = load_keys(self._folder)
        except PasserelleError as error:
            _LOG.error("keys.unreadable", code=error.code, detail=error.detail)

    def _published(self) -> tuple[bytes, ...]:
        """The ids of our published signing keys that hold now, the newest first."""
        now = self._clock.now()
        try:
            entries = self._peers.manifest(self._agency).signing_keys
        except PasserelleError:
            return ()  # our entry has not come yet, or names no manifest
        valid = [entry for entry in entries if entry.covers(now)]
        return tuple(
            entry.key.key_id for entry in sorted(valid, key=lambda entry: entry.valid_from, reverse=True)
        )


class _Sealing(Mapping[bytes, SealingKey]):
    """Private sealing keys by id (32 bytes)."""

    def __init__(self, keys: OwnKeys) -> None:
        self._keys = keys

    def __getitem__(self, key_id: bytes) -> SealingKey:
        if key_id not in self._keys.ring.sealing:
            self._keys.reload()
        return self._keys.ring.sealing[key_id]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._keys.ring.sealing)

    def __len__(self) -> int:
        return len(self._keys.ring.sealing)
