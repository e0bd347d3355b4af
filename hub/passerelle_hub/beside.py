"""What runs beside the hub's listener: fresh lists of revoked certificates, a fresh leaf, warnings.

None of it decides anything; each reads or writes what the steps look at. A task that fails is logged and runs
again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from passerelle.certificate import Usage, read_chain
from passerelle.clock import DAY, SECOND, SystemClock
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.reissue import reissue
from passerelle.rotation import Rotation, keep_rotated
from passerelle.rpc.fresh import authority_client, keep_fresh, leaf_renewal
from passerelle.rpc.leaf import LeafFiles, Renewal
from passerelle.rpc.lists import list_keeper
from passerelle.trust_checks import warning_days
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.compose import Core
from passerelle_hub.config import HubSettings
from passerelle_hub.logbook.timestamps import Stamper, keep_stamped, post_to
from passerelle_hub.service import Threads
from passerelle_hub.store import Database

ENTRY_SECONDS: Final = 10.0
INVENTORY_SECONDS: Final = 86_400.0


def hub_renewal(settings: HubSettings) -> Renewal | None:
    """The renewal of the hub's leaf; None without `[pki]`."""
    if settings.pki is None:
        return None
    path = settings.path
    files = LeafFiles(
        key=path(settings.tls.key),
        chain=path(settings.tls.chain),
        roots=path(settings.tls.roots),
        manifest_key=path(settings.keys.manifest),
    )
    identity = Identity.parse(settings.identity)
    return leaf_renewal(identity, settings.pki, files, SystemClock(), Usage.SERVER)


def start_beside(
    core: Core, settings: HubSettings, renewal: Renewal | None, threads: Threads
) -> list[asyncio.Task[None]]:
    """Start the tasks; whoever stops the hub cancels them."""
    registry = core.registry
    folder = settings.path(settings.revocation.folder)
    keeper = list_keeper(settings.revocation, folder, registry.local.revocations, registry.federation)
    keeper.read()  # what was known before the listener answers
    tasks = [asyncio.create_task(keeper.run())]
    if renewal is not None:
        tasks.append(asyncio.create_task(keep_fresh(renewal)))
    if settings.rotate_days:
        tasks.append(
            asyncio.create_task(keep_rotated(hub_rotation(core, settings), lambda: core.leader.leads))
        )
    if settings.timestamps.authority:
        stamping = keep_stamped(
            stamper_of(core, settings), threads, lambda: core.leader.leads, settings.timestamps.seconds
        )
        tasks.append(asyncio.create_task(stamping))
    return tasks


def hub_rotation(core: Core, settings: HubSettings) -> Rotation:
    """The monthly rotation of the hub's key manifest."""
    me, clock, path = core.foundation.identity, core.foundation.clock, settings.path
    manifest_key, pki = path(settings.keys.manifest), settings.pki
    announce = authority_client(me, pki, path(settings.tls.roots)).announce if pki is not None else None
    return Rotation(
        me.agency,
        manifest_key.parent,
        lambda: core.registry.manifest(me.agency),
        lambda: reissue(me.agency, manifest_key, clock),
        clock,
        settings.rotate_days,
        announce,
    )


def stamper_of(core: Core, settings: HubSettings) -> Stamper:
    """Who has the checkpoints stamped.

    Raises:
        PasserelleError: `config_invalid`, the authority's roots cannot be read.
    """
    stated = settings.timestamps
    try:
        roots = settings.path(stated.roots).read_bytes()
    except OSError as error:
        raise PasserelleError("config_invalid", f"timestamps.roots: {type(error).__name__}") from error
    ask = post_to(stated.authority, stated.timeout)
    return Stamper(core.database, core.audit, core.foundation.clock, ask, roots)


class Inventory:
    """Tells the log once a day what ends soon: roots of all parties, the issuing authority of the hub."""

    def __init__(self, core: Core, chain: Callable[[], bytes]) -> None:
        """`chain` reads the hub's own chain (PEM)."""
        self._core = core
        self._chain = chain

    def look(self) -> None:
        """One look; each certificate within a threshold is one event."""
        now = self._core.foundation.clock.now()
        found = {(entry.trust_domain, entry.roots_pem) for entry in self._core.registry.members()}
        left = [(domain, _days(pem, now)) for domain, pem in sorted(found)]
        ending = [(domain, days) for domain, days in left if warning_days(days)]
        own = self._core.foundation.identity.trust_domain
        above = read_chain(self._chain())[1:]
        for certificate in above:
            days = int(certificate.not_valid_after_utc.timestamp() * SECOND - now) // DAY
            if warning_days(days):
                ending.append((own, days))
        if ending:
            _tell(self._core.database, self._core.audit, ending)


def _tell(database: Database, audit: Audit, ending: list[tuple[str, int]]) -> None:
    with database.write() as tx:
        for domain, days in ending:
            limit = warning_days(days)
            audit.append(
                tx, EventKind.CERTIFICATE_ENDING, "hub", trust_domain=domain, days=days, threshold=limit
            )


def _days(pem: bytes, now: int) -> int:
    ends = min(item.not_valid_after_utc.timestamp() for item in read_chain(pem))
    return int(ends * SECOND - now) // DAY
