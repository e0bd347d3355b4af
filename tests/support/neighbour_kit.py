"""Two complete hubs on one PostgreSQL in one process, and what one does in the middle of the other's step."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import wraps
from itertools import count
from pathlib import Path

import pytest
from hub_kit import FakeAgency, HubKit, hub_kit
from patience import PATIENCE, wait_until
from postgres_kit import Server

from passerelle.record import SealedRecord
from passerelle_hub.compose import Core, build_core
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.policy.signatures import Signers
from passerelle_hub.store import Database


@contextmanager
def two_hubs(
    folder: Path,
    postgres: Server,
    engine: EmbeddedEngine,
    bundle: Bundle,
    agencies: Iterable[str],
    signers: Signers | None = None,
) -> Generator[tuple[HubKit, Core]]:
    """A hub and its neighbour on the same database, which know the same agencies."""
    with postgres.migrated() as url, hub_kit(folder, engine, bundle, url, signers=signers) as kit:
        for name in agencies:
            kit.agency(name)
        with closing(Database(url)) as database:
            neighbour = build_core(kit.core.foundation, database)
            with database.read() as tx:
                neighbour.registry.refresh(tx)
            try:
                yield kit, neighbour
            finally:
                neighbour.leader.close()


def taken(kit: HubKit, core: Core, agency: FakeAgency, *records: SealedRecord) -> None:
    """One of the hubs takes records as the agency's next batch."""
    batch = agency.batch(*records)
    receipt = kit.receipt(core.intake.receive(batch, agency.identity))
    assert receipt.accepted and receipt.refusals == ()
    agency.took(batch)


class Interloper:
    """Does something, once, right behind a read: until it is done, or until it waits for a lock."""

    def __init__(self, database: Database, patch: pytest.MonkeyPatch, pool: ThreadPoolExecutor) -> None:
        self._database, self._patch, self._pool = database, patch, pool
        self._done: Future[object] | None = None

    def behind(self, owner: object, name: str, action: Callable[[], object], *, call: int = 1) -> None:
        """Act behind the so-many-th call of a function."""
        whole, calls = getattr(owner, name), count(1)

        @wraps(whole)
        def read(*args: object, **named: object) -> object:
            found = whole(*args, **named)
            if next(calls) == call:
                done = self._done = self._pool.submit(action)
                wait_until(lambda: done.done() or self._waits())
            return found

        self._patch.setattr(owner, name, read)

    def result(self) -> object:
        """What the action returned or raises."""
        assert self._done is not None, "the read never came"
        return self._done.result(PATIENCE)

    def _waits(self) -> bool:
        query = (
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        with self._database.read() as tx:
            return tx.exec_driver_sql(query).first() is not None


@contextmanager
def interloping(database: Database, patch: pytest.MonkeyPatch) -> Generator[Interloper]:
    """One with a thread of its own: what it does may have to wait for whoever it comes between."""
    with ThreadPoolExecutor(1) as pool:
        yield Interloper(database, patch, pool)
