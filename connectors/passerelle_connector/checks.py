"""What `doctor` looks at in a connector: keys, certificate, hub, clock, trustees, source, mapping, disk.

A call that the hub answers is proof of the handshake: it refuses every call over a connection that is not TLS
1.3 with the hybrid group (`passerelle.rpc.admission`). Of the source the first rows are read, none is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from passerelle import checks
from passerelle.certificate import Usage
from passerelle.checks import Check, State, checked
from passerelle.clock import Clock, SystemClock
from passerelle.config import load
from passerelle.errors import PasserelleError
from passerelle.identity import Role
from passerelle.rpc.channel import open_channel
from passerelle.rpc.material import own_material
from passerelle.selftest import selftest
from passerelle.trust_checks import trust
from passerelle_connector.compose_ports import load_peers
from passerelle_connector.compose_rows import build_preparation, build_source
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.epochs import at_epoch, has_keys
from passerelle_connector.foundation import open_stores
from passerelle_connector.group_keys import load_group_keys
from passerelle_connector.keyring import load_keys
from passerelle_connector.normalise import FIELDS
from passerelle_connector.peers import Peers
from passerelle_connector.ports import AcceptedDomain
from passerelle_connector.service import GrpcHub
from passerelle_connector.sources import Item, Source
from passerelle_connector.trial import try_source

SAMPLE_ROWS: Final = 1_000
PATIENCE: Final = 5.0
_COVERED: Final = 90
"""Percent of rows below which a mapped field is worth a warning."""


def examine(config: Path) -> Iterator[Check]:
    """Every finding about a connector's set-up; it may run meanwhile."""
    yield from look(load(ConnectorSettings, config), SystemClock())


def look(settings: ConnectorSettings, clock: Clock, patience: float = PATIENCE) -> Iterator[Check]:
    """The same for settings that were read; `patience` in seconds with each party that is called."""
    yield checked("cryptography", _selftest)
    yield checks.tables("passerelle_connector")
    yield from checks.key_files(sorted(settings.path(settings.keys).glob("*.key")))
    yield from checks.key_files((settings.path(settings.tls.key),))
    yield checked("keys", lambda: _keys(settings))
    yield checks.leaf(settings, settings.tls, Usage.CLIENT, clock.now())
    yield checked("key and certificate", lambda: _pair(settings))
    yield checked("store", lambda: _store(settings))
    yield checks.disk(settings.path(settings.store).parent)
    yield from _others(settings, clock, patience)
    yield from _source(settings, clock)


def _selftest() -> str:
    selftest()
    return "hybrid signatures and sealing work"


def _keys(settings: ConnectorSettings) -> str:
    keyring = load_keys(settings.path(settings.keys))
    return f"{len(keyring.signers)} signing, {len(keyring.sealing)} sealing, {len(keyring.vaults)} vault keys"


def _pair(settings: ConnectorSettings) -> str:
    own_material(settings, settings.tls, Usage.CLIENT).read()
    return "belong together"


def _store(settings: ConnectorSettings) -> str | Check:
    if not settings.path(settings.store).exists():
        return Check("store", State.WARN, "not there yet", "Start the connector; it makes its store.")
    open_stores(settings).database.close()
    return "of this release"


def _others(settings: ConnectorSettings, clock: Clock, patience: float) -> Iterator[Check]:
    """Hub and trustees; without a registry there is nobody to call."""
    try:
        peers = load_peers(settings)
        threshold = min(
            (key.threshold for key in load_group_keys(settings, peers, clock.now()).keys), default=0
        )
    except PasserelleError as error:
        yield checks.failed("registry", error)
        return
    yield Check("registry", State.OK, f"the trustees' keys are pinned, {threshold} of them answer together")
    others = {peers.hub, *(peers.identity(one.agency, Role.TRUSTEE) for one in settings.trustees)}
    domains = {one.trust_domain: peers.roots(one) for one in others}
    folder = settings.path(settings.revocation.folder)
    yield from trust(settings.revocation, folder, domains, clock.now())
    yield from asyncio.run(_hub(settings, peers, clock, patience))
    yield asyncio.run(_trustees(settings, peers, threshold, patience))


async def _hub(settings: ConnectorSettings, peers: Peers, clock: Clock, patience: float) -> Sequence[Check]:
    material = own_material(settings, settings.tls, Usage.CLIENT)
    try:
        roots = peers.roots(peers.hub)
        async with open_channel(settings.hub.address, peers.hub, roots, material) as channel:
            said = await asyncio.wait_for(GrpcHub(channel).describe(), patience)
    except PasserelleError as error:
        return (checks.failed("hub", error),)
    except TimeoutError:
        return (checks.failed("hub", PasserelleError("peer_timeout", settings.hub.address)),)
    return (
        Check("hub", State.OK, f"answers at {settings.hub.address}; TLS 1.3 with the hybrid group"),
        *([checks.clock(said.time, clock.now())] if said.time else []),
        checked("protocol", lambda: spoken(settings, peers, clock.now(), said.domains)),
    )


def spoken(
    settings: ConnectorSettings, peers: Peers, now: int, domains: Sequence[AcceptedDomain]
) -> str | Check:
    """The epoch that we work in is one that the hub takes, and the next one's keys are pinned in time."""
    epoch, ours = settings.epoch, [one for one in domains if one.name == settings.domain]
    if settings.path(settings.store).exists():
        stores = open_stores(settings)
        epoch = at_epoch(settings, stores.tokens).epoch
        stores.database.close()
    accepted = [one for domain in ours for one in domain.epochs]
    if epoch not in accepted:
        raise PasserelleError("batch_epoch_wrong", f"{settings.domain}: the hub accepts {accepted}")
    keys = load_group_keys(settings, peers, now)
    coming = [one for domain in ours for one in (*domain.epochs, *domain.announced) if one > epoch]
    missing = [one for one in coming if not has_keys(keys, settings.domain, one, epoch)]
    if missing:
        text = f"the hub opens epoch {max(missing)} of {settings.domain}, whose keys are not pinned here"
        fix = "Lay the trustees' new document into the folder that `group_keys` names."
        return Check("protocol", State.WARN, text, fix)
    return f"the hub takes {settings.domain}, epoch {epoch}"


async def _trustees(settings: ConnectorSettings, peers: Peers, threshold: int, patience: float) -> Check:
    material = own_material(settings, settings.tls, Usage.CLIENT)

    async def reached(agency: str, address: str) -> bool:
        try:
            identity = peers.identity(agency, Role.TRUSTEE)
            async with open_channel(address, identity, peers.roots(identity), material) as channel:
                await asyncio.wait_for(channel.channel_ready(), patience)
        except (PasserelleError, TimeoutError):
            return False
        return True

    up = sum(await asyncio.gather(*(reached(one.agency, one.address) for one in settings.trustees)))
    text = f"{up} of {len(settings.trustees)} answer, {threshold} are needed"
    if up < len(settings.trustees):
        state = State.WARN if up >= threshold else State.FAIL
        return Check("trustees", state, text, "Ask the trustees that are silent, or correct their addresses.")
    return Check("trustees", State.OK, text)


@dataclass(frozen=True, slots=True)
class _First:
    """The first rows of a source."""

    source: Source
    rows: int

    def records(self, since: str) -> Iterator[Item]:
        return islice(self.source.records(since), self.rows)


def _source(settings: ConnectorSettings, clock: Clock) -> Iterator[Check]:
    fields = settings.map.keys() & FIELDS
    try:
        first = _First(build_source(settings), SAMPLE_ROWS)
        trial = try_source(first, build_preparation(settings), fields, clock.now(), 0)
    except PasserelleError as error:
        yield checks.failed("source", error)
        return
    text = f"of the first {trial.taken + trial.refused} rows {trial.refused} would be set aside"
    fix = "See `passerelle connector test-source`."
    if not trial.rows and not trial.refused:
        yield Check("source", State.WARN, "readable and empty", "Put files there, or correct the query.")
    elif trial.refused:
        yield Check("source", State.WARN if trial.taken else State.FAIL, text, fix)
    else:
        yield Check("source", State.OK, text)
    gaps = {name: 100 - trial.percent(name) for name in sorted(fields)} if trial.rows else {}
    wide = ", ".join(f"{name} missing in {gap} %" for name, gap in gaps.items() if 100 - gap < _COVERED)
    if wide:
        yield Check("mapping", State.WARN, wide, "Check the mapping of these fields; gaps cannot match.")
    elif gaps:
        yield Check("mapping", State.OK, f"every field stands in at least {_COVERED} % of the rows")
