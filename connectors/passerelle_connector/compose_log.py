"""Wiring of what watches beside the work: the hub's log, our keys' age, token epochs; a part of `compose`."""

from __future__ import annotations

from collections.abc import Callable

from passerelle.audit.follow import Follower, LogPort
from passerelle.clock import Clock
from passerelle.identity import Identity
from passerelle.rotation import Rotation
from passerelle.sign import SigningKey
from passerelle_connector.compose_ports import authority_client
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.epochs import Turning
from passerelle_connector.group_keys import load_group_keys
from passerelle_connector.log_watch import LogWatch
from passerelle_connector.model import TokenProtocol
from passerelle_connector.peers import Peers
from passerelle_connector.pins import Pins
from passerelle_connector.proof_files import ProofFiles
from passerelle_connector.rotate import rotate
from passerelle_connector.store import InboxStore, PinStore, PromiseStore, WaitStore


def build_log_watch(
    settings: ConnectorSettings,
    stores: tuple[PromiseStore, PinStore, InboxStore, WaitStore],
    peers: Peers,
    key: Callable[[], SigningKey],
    port: LogPort | None,
    clock: Clock,
) -> LogWatch | None:
    """The watch over the hub's log; None where no port leads to it."""
    if port is None:
        return None
    folder, me = settings.path(settings.log_state), Identity.parse(settings.identity)
    follower = Follower(folder, port, lambda note: peers.hub_checkpoint(note, clock.now()), clock)
    promises, kept, inbox, waits = stores
    pins = Pins(kept, promises, peers, follower.evidence, clock)

    def due() -> int:
        """The number of the next notification; 0 while the inbox itself waits, whose reason is told apart."""
        waiting = any(wait.part == "inbox" for wait in waits.all())
        return 0 if waiting else inbox.cursor() + 1

    files: ProofFiles | None = None
    if settings.proofs is not None:
        place = settings.path(settings.proofs)
        files = ProofFiles(place, follower, port, peers.witnesses, settings.proofs_quorum)
    return LogWatch(me, follower, port, promises, pins, key, clock, settings.log_seconds, files, due)


def build_rotation(settings: ConnectorSettings, peers: Peers, clock: Clock) -> Rotation | None:
    """The monthly rotation; None where the configuration wants none."""
    if not settings.rotate_days:
        return None
    me, keys = Identity.parse(settings.identity), settings.path(settings.keys)
    announce = authority_client(settings, settings.pki).announce if settings.pki is not None else None
    return Rotation(
        me.agency,
        keys,
        lambda: peers.manifest(me.agency),
        lambda: rotate(me, keys, clock),
        clock,
        settings.rotate_days,
        announce,
    )


def build_turning(
    protocol: TokenProtocol, settings: ConnectorSettings, peers: Peers, clock: Clock
) -> Turning:
    """What notices that a later token epoch is due."""
    return Turning(protocol, lambda: load_group_keys(settings, peers, clock.now()))
