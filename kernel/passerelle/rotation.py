"""The monthly rotation of a party's key manifest, when the present one is a month old.

Looked at once an hour, from what the folder of keys says, so that restarts neither skip nor repeat one. The
manifest lies in the folder until the registry publishes it; until then the present keys are used. Where an
authority is configured, it is asked to publish what is not published yet, each time. While a successor is not
published, no further one is made: a chain of manifests that nobody has seen would only be longer.

One process a folder: who shares one lets one process of it rotate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from passerelle.clock import DAY, Clock
from passerelle.codec.signed import decode_signed
from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle.manifest import KeyManifest
from passerelle.manifest_files import last_manifest, manifest_file
from passerelle.rpc.leaf import Healthy
from passerelle.sign import Signed

_LOG: Final = get_logger("rotation")
LOOK_SECONDS: Final = 3_600.0
Announce = Callable[[Signed], Awaitable[int]]


class Rotation:
    """Rotates the keys of one folder. `days` is the age at which a manifest is replaced."""

    def __init__(
        self,
        agency: str,
        keys: Path,
        published: Callable[[], KeyManifest],
        rotate: Callable[[], Path],
        clock: Clock,
        days: float,
        announce: Announce | None = None,
    ) -> None:
        """`published` is the manifest of our registry entry, as it came to us; `rotate` makes the successor.

        `announce` asks the authority to publish a manifest.
        """
        self._agency = agency
        self._keys = keys
        self._published = published
        self._rotate = rotate
        self._clock = clock
        self._age = int(days * DAY)
        self._announce = announce

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
        last = last_manifest(self._keys, self._agency)
        if last.sequence == 1 or self._holds(last.digest):
            return None
        return decode_signed(manifest_file(self._keys, last.sequence).read_bytes())

    def look(self) -> Path | None:
        """Rotate where it is due; the manifest for the registry, or None.

        Raises:
            PasserelleError: what `rotate` raises.
        """
        last = last_manifest(self._keys, self._agency)
        if last.issued + self._age > self._clock.now() or not self._holds(last.digest):
            return None
        made = self._rotate()
        _LOG.warning("keys.rotated", detail=f"publish {made.name}")
        return made

    def _holds(self, digest: bytes) -> bool:
        try:
            return self._published().digest == digest
        except PasserelleError:
            return False


async def keep_rotated(rotation: Rotation, leads: Callable[[], bool] = lambda: True) -> None:
    """Look again and again beside a listener, while this process leads; faults are logged."""

    async def healthy() -> None:
        """Nobody asks."""

    while True:
        try:
            if leads():
                await rotation.run(healthy)
                continue
        except (PasserelleError, OSError) as error:
            code = error.code if isinstance(error, PasserelleError) else type(error).__name__
            _LOG.error("rotation.failed", code=code)
        await asyncio.sleep(LOOK_SECONDS)
