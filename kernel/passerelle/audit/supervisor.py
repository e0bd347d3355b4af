"""A stand-alone supervisor: follows one hub's log, cosigns, searches; no side is installed beside it.

The registry's entries say who the hub is and which keys it signs with. A round that fails is logged and tried
again; a split view stays an alarm until somebody looks at the evidence.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Protocol

from passerelle.audit.config import SupervisorSettings
from passerelle.audit.follow import Follower, LogPort
from passerelle.audit.keeping import kept
from passerelle.audit.registry_copy import take
from passerelle.audit.service import GrpcHub
from passerelle.certificate import Usage
from passerelle.checkpoint import Checkpoint, verify_checkpoint
from passerelle.clock import Clock, SystemClock
from passerelle.entry_files import entry_files, read_registry_key, unreadable
from passerelle.errors import PasserelleError
from passerelle.federation import Federation
from passerelle.identity import Identity, Role
from passerelle.keyfile import KeyKind, read_key
from passerelle.log import get_logger
from passerelle.manifest import KeyManifest, read_manifest
from passerelle.note import Note
from passerelle.rpc.channel import open_channel
from passerelle.rpc.material import own_material
from passerelle.sign import Signed, SigningKey

_LOG: Final = get_logger("supervisor")


class HubPort(LogPort, Protocol):
    """A hub's log, and the registry's entries as the hub hands them on."""

    async def entries(self) -> tuple[Signed, ...]:
        """All entries, not yet verified."""
        ...


Opened = Callable[[SupervisorSettings], AbstractAsyncContextManager[HubPort]]
"""Opens a hub for one round."""


def known_parties(settings: SupervisorSettings) -> Federation:
    """The parties of the registry folder.

    Raises:
        PasserelleError: `config_invalid`, `key_malformed`, `entry_file_invalid`.
    """
    try:
        key = read_registry_key(settings.path(settings.registry.key))
        roots = settings.path(settings.tls.roots).read_bytes()
        entries = [one.verified(key) for one in entry_files(settings.path(settings.registry.entries))]
    except OSError as error:
        raise unreadable(error) from error
    return Federation(Identity.parse(settings.identity).trust_domain, roots, entries)


@asynccontextmanager
async def log_of(settings: SupervisorSettings) -> AsyncGenerator[GrpcHub]:
    """The hub's log over a channel of its own.

    Raises:
        PasserelleError: what configuration, entries and key files raise.
    """
    parties = known_parties(settings)
    hub = parties.entry(settings.hub.agency).identity(Role.HUB)
    material = own_material(settings, settings.tls, Usage.CLIENT)
    roots = parties.roots(hub.trust_domain)
    async with open_channel(settings.hub.address, hub, roots, material) as channel:
        yield GrpcHub(channel)


def follower(settings: SupervisorSettings, log: LogPort, clock: Clock) -> Follower:
    """The follower of the hub's log, with the hub's keys as its entry names them."""
    parties = known_parties(settings)
    agency = settings.hub.agency
    origin = str(parties.entry(agency).identity(Role.HUB))
    manifest = read_manifest(parties.entry(agency).manifest, agency)

    def check(note: Note) -> Checkpoint:
        refusal = PasserelleError("note_unsigned", "no valid signing key of the hub")
        for entry in manifest.signing_keys:
            if entry.covers(clock.now()):
                try:
                    return verify_checkpoint(note, origin, entry.key)
                except PasserelleError as error:
                    refusal = error
        raise refusal

    return Follower(settings.path(settings.state), log, check, clock)


def _own_manifest(settings: SupervisorSettings) -> KeyManifest:
    agency = Identity.parse(settings.identity).agency
    return read_manifest(known_parties(settings).entry(agency).manifest, agency)


async def _refresh(settings: SupervisorSettings, hub: HubPort) -> None:
    """Take newer entries; where that fails the round goes on by those that lie here."""
    try:
        handed = await hub.entries()
        folder, known = settings.path(settings.registry.entries), known_parties(settings)
        key = read_registry_key(settings.path(settings.registry.key))
        if taken := await asyncio.to_thread(take, handed, key, known, folder):
            _LOG.info("entries.taken", size=taken)
    except PasserelleError as error:
        _LOG.error("entries.not_taken", code=error.code, detail=error.detail)
    except OSError as error:
        _LOG.error("entries.not_taken", code="config_invalid", detail=unreadable(error).detail)


async def watch(settings: SupervisorSettings, *, once: bool, opened: Opened = log_of) -> int:
    """Follow and cosign, one round or until cancelled; returns the size of the last tree seen.

    Each round goes by the entries, roots and leaf that lie there, over a channel of its own: they change
    while a witness runs, the leaf within a week (`keeping`). First it takes the entries that the hub hands
    on (`registry_copy`), so that who was enrolled later, and the hub's next manifest, are known by then.

    Raises:
        PasserelleError: of a single round, whatever it meets; of many, what does not hold at the start.
    """
    key = SigningKey(read_key(settings.path(settings.signing), KeyKind.SIGNING))
    known_parties(settings).entry(settings.hub.agency)
    async with kept(settings, lambda: _own_manifest(settings), SystemClock()):
        while True:
            try:
                async with opened(settings) as log:
                    await _refresh(settings, log)
                    size = (await follower(settings, log, SystemClock()).follow(key, settings.identity)).size
                _LOG.info("log.followed", size=size)
                if once:
                    return size
            except PasserelleError as error:
                if once:
                    raise
                _LOG.error("round.failed", code=error.code, detail=error.detail)
            await asyncio.sleep(settings.seconds)
