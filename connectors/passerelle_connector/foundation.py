"""What a connector is built on: configuration, store, keys, clock, whom it knows and how it reaches them."""

from __future__ import annotations

import random as system_random
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from passerelle.audit.follow import LogPort
from passerelle.clock import Clock, SystemClock
from passerelle.identity import Identity
from passerelle.oprf.pinned import GroupKeys
from passerelle_connector.closer.answering import CloserPort
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.judge.give import JudgePort
from passerelle_connector.keyring import Keyring
from passerelle_connector.model import Random
from passerelle_connector.peers import Peers
from passerelle_connector.ports import DirectoryPort, HoldingsPort, HubPort, PreviewPort
from passerelle_connector.query.ask import QueryPort
from passerelle_connector.store import (
    Database,
    HoldingStore,
    InboxStore,
    OutboxStore,
    PinStore,
    PromiseStore,
    RowStore,
    TokenCache,
    WaitStore,
)
from passerelle_connector.tokenise import TrusteePort


@dataclass(frozen=True, slots=True)
class Stores:
    """The connector's database and its narrow stores."""

    database: Database
    rows: RowStore
    outbox: OutboxStore
    holdings: HoldingStore
    inbox: InboxStore
    tokens: TokenCache
    waits: WaitStore
    promises: PromiseStore
    pins: PinStore

    @property
    def logged(self) -> tuple[PromiseStore, PinStore, InboxStore, WaitStore]:
        """What is held against the hub's log."""
        return self.promises, self.pins, self.inbox, self.waits


def open_stores(settings: ConnectorSettings) -> Stores:
    """Open the store of a configuration.

    Raises:
        PasserelleError: `store_version`.
    """
    database = Database(settings.path(settings.store))
    return Stores(
        database=database,
        rows=RowStore(database),
        outbox=OutboxStore(database),
        holdings=HoldingStore(database),
        inbox=InboxStore(database),
        tokens=TokenCache(database),
        waits=WaitStore(database),
        promises=PromiseStore(database),
        pins=PinStore(database),
    )


@dataclass(frozen=True, slots=True)
class Ports:
    """The others, as this connector reaches them. `trustees` by index."""

    hub: HubPort
    directory: DirectoryPort
    trustees: Mapping[int, TrusteePort]
    holdings: HoldingsPort | None = None
    preview: PreviewPort | None = None
    log: LogPort | None = None
    closer: CloserPort | None = None
    query: QueryPort | None = None
    judge: JudgePort | None = None


@dataclass(frozen=True, slots=True)
class Environment:
    """What tests replace: time, randomness, jitter."""

    clock: Clock
    random: Random
    jitter: Callable[[], float]

    @classmethod
    def system(cls) -> Environment:
        """The machine's own."""
        return cls(SystemClock(), secrets.token_bytes, system_random.SystemRandom().random)


@dataclass(frozen=True, slots=True)
class Foundation:
    """All that a connector, or one command of it, is wired from."""

    settings: ConnectorSettings
    stores: Stores
    keyring: Keyring
    peers: Peers
    group_keys: GroupKeys
    ports: Ports
    environment: Environment

    @property
    def identity(self) -> Identity:
        """Who we are."""
        return Identity.parse(self.settings.identity)
