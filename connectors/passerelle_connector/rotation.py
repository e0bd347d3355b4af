"""The monthly rotation: new keys and the manifest that announces them, when the present ones are a month old.

Looked at once an hour, from what the folder of keys says, so that restarts neither skip nor repeat one. The
manifest lies in the folder until the registry publishes it (`rotate`); until then the present keys are used.
Where an authority is configured, it is asked to publish what is not published yet, each time. While a
successor is not published, no further one is made: a chain of manifests that nobody has seen would only be
longer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from passerelle.clock import DAY, Clock
from passerelle.codec.signed import decode_signed
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.log import get_logger
from passerelle.sign import Signed
from passerelle_connector.peers import Peers
from passerelle_connector.ports import Healthy
from passerelle_connector.rotate import last_manifest, manifest_file, rotate

_LOG: Final = get_logger("rotation")
LOOK_SECONDS: Final = 3_600.0
Announce = Callable[[Signed], Awaitable[int]]


class Rotation:
    """Rotates the keys of one folder. `days` is the age at which sealing keys are replaced."""

    def __init__(
        self,
        identity: Identity,
        keys: Path,
        peers: Peers,
        clock: Clock,
        days: float,
        announce: Announce | None = None,
    ) -> None:
        """`announce` asks the authority to publish a manifest."""
        self._announce = announce
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
        await self.tell()
        await healthy()
        await asyncio.sleep(LOOK_SECONDS)

    async def tell(self) -> int:
        """Have the newest manifest published where it is not; the entry's revision, 0 where nothing was told.

        A refusal or an authority that is away is logged and changes nothing: the operator can publish it too.
        """
        waiting = await asyncio.to_thread(self._unpublished)
        if self._announce is None or waiting is None:
            return 0
        try:
            revision = await self._announce(waiting)
        except PasserelleError as error:
            _LOG.warning("manifest.unannounced", code=error.code, detail=error.detail)
            return 0
        _LOG.info("manifest.announced", detail=f"revision {revision}")
        return revision

    def _unpublished(self) -> Signed | None:
        """The newest successor, while the registry's entry holds another manifest."""
        last = last_manifest(self._keys, self._identity.agency)
        if last.sequence == 1 or self._published(last.digest):
            return None
        return decode_signed(manifest_file(self._keys, last.sequence).read_bytes())

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
