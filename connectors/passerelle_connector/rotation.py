"""The monthly rotation: new keys and the manifest that announces them, when the present ones are a month old.

Looked at once an hour, from what the folder of keys says, so that restarts neither skip nor repeat one. The
manifest lies in the folder until the registry publishes it (`rotate`); until then the present keys are used.
While a successor is not published, no further one is made: a chain of manifests that nobody has seen would
only be longer.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from passerelle.clock import DAY, Clock
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.log import get_logger
from passerelle_connector.peers import Peers
from passerelle_connector.ports import Healthy
from passerelle_connector.rotate import last_manifest, rotate

_LOG: Final = get_logger("rotation")
LOOK_SECONDS: Final = 3_600.0


class Rotation:
    """Rotates the keys of one folder. `days` is the age at which sealing keys are replaced."""

    def __init__(self, identity: Identity, keys: Path, peers: Peers, clock: Clock, days: float) -> None:
        self._identity = identity
        self._keys = keys
        self._peers = peers
        self._clock = clock
        self._age = int(days * DAY)

    async def run(self, healthy: Healthy) -> None:
        """One look, then a pause.

        Raises:
            PasserelleError: what `rotate` raises.
        """
        await asyncio.to_thread(self.look)
        await healthy()
        await asyncio.sleep(LOOK_SECONDS)

    def look(self) -> Path | None:
        """Rotate where it is due; the manifest for the registry, or None.

        Raises:
            PasserelleError: what `rotate` raises.
        """
        last = last_manifest(self._keys, self._identity.agency)
        newest = max((entry.valid_from for entry in last.sealing_keys), default=0)
        if newest + self._age > self._clock.now() or not self._published(last.digest):
            return None
        made = rotate(self._identity, self._keys, self._clock)
        _LOG.warning("keys.rotated", detail=f"publish {made.name}")
        return made

    def _published(self, digest: bytes) -> bool:
        try:
            return self._peers.manifest(self._identity.agency).digest == digest
        except PasserelleError:
            return False
