"""Two complete hubs on one PostgreSQL in one process, and what one does in the middle of the other's step."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

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


def once(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, meanwhile: Callable[[], object]) -> None:
    """After the next call of a function something else happens, before its caller goes on."""
    whole, calls = getattr(owner, name), list[int]()

    def called(*args: Any, **named: Any) -> Any:
        found = whole(*args, **named)
        calls.append(1)
        if len(calls) == 1:
            meanwhile()
        return found

    monkeypatch.setattr(owner, name, called)


class Meanwhile:
    """Another thread for what the neighbour does: it may have to wait for whoever it comes between."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pool = ThreadPoolExecutor(1)
        self._begun: list[Future[Any]] = []

    def begin(self, work: Callable[[], object]) -> None:
        """Go on once it is done, or waits for a lock."""
        begun = self._pool.submit(work)
        self._begun.append(begun)
        wait_until(lambda: begun.done() or self._waits())

    def end(self) -> None:
        """All of it has been done."""
        for one in self._begun:
            one.result(PATIENCE)
        self._pool.shutdown()

    def _waits(self) -> bool:
        query = (
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        with self._database.read() as tx:
            return tx.exec_driver_sql(query).first() is not None
