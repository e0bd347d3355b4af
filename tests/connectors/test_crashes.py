"""Crashes and lost messages: whatever happens between writes, each record arrives once, in a whole chain."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from connector_kit import MakeDesk
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from passerelle.errors import PasserelleError
from passerelle_connector.store import Database
from passerelle_connector.store.tables import salts

WRITES = 10  # put, put, close, close, then mark_sent and settle of two batches, and some room


class CrashError(Exception):
    """The process died."""


@dataclass
class Fault:
    """Dies at the given write: before its commit (`lost`) or right after it (`persisted`)."""

    at: int
    kind: str
    writes: int = 0


class FaultyDatabase(Database):
    """A database that obeys a `Fault`."""

    def __init__(self, file: Path, fault: Fault) -> None:
        self._fault: Fault | None = None
        super().__init__(file)
        self._fault = fault

    @contextmanager
    def write(self) -> Iterator[Any]:
        due = False
        if self._fault is not None:
            self._fault.writes += 1
            due = self._fault.writes == self._fault.at
        with super().write() as transaction:
            yield transaction
            if due and self._fault is not None and self._fault.kind == "lost":
                raise CrashError
        if due:
            raise CrashError


@pytest.mark.parametrize("kind", ["lost", "persisted"])
@pytest.mark.parametrize("at", range(1, WRITES + 1))
async def test_a_crash_at_any_write_loses_and_repeats_nothing(
    make_desk: MakeDesk, at: int, kind: str
) -> None:
    fault = Fault(at, kind)
    desk = make_desk(lambda file: FaultyDatabase(file, fault))
    desk.recipients = ("customs",)
    for _ in range(3):
        try:
            desk.reopen()
            known = desk.rows.known(["P1", "P2", "P3", "P4"])
            for numbers in ((1, 2), (3, 4)):
                if new := [number for number in numbers if f"P{number}" not in known]:
                    desk.put(*new)
            desk.outbox.close(flush=True)
            await desk.deliver()
        except CrashError:
            continue
    assert sorted(desk.hub.taken) == [(1, 1), (2, 1), (3, 1), (4, 1)]
    assert desk.store.position().digest == desk.hub.position.previous
    assert desk.store.counts()[0] == 0
    assert set(desk.store.counts()[1]) == {"receipted"}
    assert desk.database is not None
    with desk.database.read() as transaction:
        assert len(transaction.execute(select(salts)).all()) == 4


class DeliveryMachine(RuleBasedStateMachine):
    """Any order of putting, closing, delivering over a bad network, refusals and restarts."""

    make_desk: MakeDesk

    def __init__(self) -> None:
        super().__init__()
        self.desk = self.make_desk()
        self.revisions: dict[int, int] = {}
        self.refused: set[tuple[int, int]] = set()

    @rule(number=st.integers(1, 5))
    def put(self, number: int) -> None:
        self.revisions[number] = self.revisions.get(number, 0) + 1
        self.desk.put(number, revision=self.revisions[number])

    @rule(flush=st.booleans())
    def close(self, flush: bool) -> None:
        self.desk.outbox.close(flush=flush)

    @rule(
        loss=st.sampled_from(["none", "before", "after"]),
        verdict=st.sampled_from(["", "", "quota_exceeded", "batch_signature_invalid"]),
    )
    def deliver(self, loss: str, verdict: str) -> None:
        def lose() -> None:
            raise PasserelleError("peer_unavailable", "the network is gone")

        hub = self.desk.hub
        hub.verdicts, hub.unconsumed = [verdict], frozenset({"batch_signature_invalid"})
        hub.before = lose if loss == "before" else lambda: None
        hub.after = lose if loss == "after" else lambda: None
        try:
            asyncio.run(self.desk.deliver())
        except PasserelleError as error:
            assert error.code in {"peer_unavailable", "quota_exceeded", "batch_not_consumed"}

    @rule()
    def restart(self) -> None:
        self.desk.reopen()

    @invariant()
    def nothing_arrives_twice(self) -> None:
        assert len(set(self.desk.hub.taken)) == len(self.desk.hub.taken)

    @invariant()
    def at_most_one_batch_in_flight(self) -> None:
        assert self.desk.store.counts()[1].get("sent", 0) <= 1

    def teardown(self) -> None:
        """On a good network at last, the newest revision of everything arrives."""
        hub = self.desk.hub
        hub.verdicts, hub.before, hub.after = [], lambda: None, lambda: None
        for _ in range(2):
            self.desk.outbox.close(flush=True)
            try:
                asyncio.run(self.desk.deliver())
            except PasserelleError as error:
                assert error.code == "quota_exceeded"  # the stored receipt of a batch refused before
        newest = {number: max(rev for found, rev in hub.taken if found == number) for number, _ in hub.taken}
        assert newest == self.revisions
        self.desk.close()
        shutil.rmtree(self.desk.folder)


@pytest.mark.trial
def test_delivery_survives_any_history(make_desk: MakeDesk) -> None:
    machine = type("Machine", (DeliveryMachine,), {"make_desk": staticmethod(make_desk)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
