"""A supervisor's leaf and manifest, kept valid beside its rounds where an authority is configured.

The signing key stays the one that cosignatures were made with; its manifest is prolonged monthly
(`passerelle.reissue`). Without `[pki]` leaf and manifest are renewed by hand.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from passerelle.audit.config import SupervisorSettings
from passerelle.certificate import Usage
from passerelle.clock import Clock
from passerelle.identity import Identity
from passerelle.manifest import KeyManifest
from passerelle.reissue import reissue
from passerelle.rotation import Rotation, keep_rotated
from passerelle.rpc.fresh import authority_client, keep_fresh, leaf_renewal
from passerelle.rpc.leaf import LeafFiles


@asynccontextmanager
async def kept(
    settings: SupervisorSettings, published: Callable[[], KeyManifest], clock: Clock
) -> AsyncGenerator[None]:
    """Renew and prolong for as long as the block runs; a leaf that is missing or expired before it begins.

    `published` is the manifest of our entry in the registry, as it lies here.

    Raises:
        PasserelleError: what the first renewal raises where there is no leaf to go on with.
    """
    if settings.pki is None:
        yield
        return
    path, identity = settings.path, Identity.parse(settings.identity)
    key, roots = path(settings.manifest), path(settings.tls.roots)
    files = LeafFiles(path(settings.tls.key), path(settings.tls.chain), roots, key)
    renewal = leaf_renewal(identity, settings.pki, files, clock, Usage.CLIENT)
    await renewal.ready()
    rotation = Rotation(
        identity.agency,
        key.parent,
        published,
        lambda: reissue(identity.agency, key, clock),
        clock,
        settings.rotate_days,
        authority_client(identity, settings.pki, roots).announce,
    )
    beside = [asyncio.create_task(keep_fresh(renewal)), asyncio.create_task(keep_rotated(rotation))]
    try:
        yield
    finally:
        for task in beside:
            task.cancel()
        await asyncio.wait(beside)
