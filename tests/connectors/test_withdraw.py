"""Withdrawals: which rows depart, what the guard holds back, and what is left afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from connector_kit import POLICE, PROTOCOL, Desk, counted_random, make_record

from passerelle.batch import token_commitment
from passerelle.codec.header import decode_header
from passerelle.record import RecordAction, RecordRefusal
from passerelle_connector.model import RowState
from passerelle_connector.store import WaitStore
from passerelle_connector.withdraw import Departure, Guard, Withdrawer


@pytest.fixture
def withdrawer(desk: Desk) -> Callable[..., Withdrawer]:
    def make(guard: Guard | None = None) -> Withdrawer:
        assert desk.database is not None
        waits = WaitStore(desk.database)
        guard = guard or Guard()
        return Withdrawer(desk.rows, desk.store, waits, PROTOCOL, guard, desk.clock, counted_random())

    return make


def read(desk: Desk, *met: int, complete: bool = True) -> int:
    """A reading that met these rows, as they were."""
    run = desk.rows.start_run(desk.clock.now())
    desk.store.put((), seen=[f"P{number}" for number in met], run=run)
    desk.rows.finish_run(run, desk.clock.now(), complete=complete)
    return run


async def send(desk: Desk) -> None:
    desk.outbox.close(flush=True)
    await desk.deliver()


def state(desk: Desk, number: int) -> tuple[RowState, int]:
    row = desk.rows.known([f"P{number}"])[f"P{number}"]
    return row.state, row.revision


async def test_a_vanished_row_is_withdrawn_and_its_salts_are_shredded(
    desk: Desk, withdrawer: Callable[..., Withdrawer]
) -> None:
    desk.put(1, 2)
    await send(desk)
    run = read(desk, 1)
    assert withdrawer().after_reading(run, complete=True) == Departure(withdrawn=1)
    gone = (2).to_bytes(16, "big")
    assert desk.store.salts(gone, 1), "kept until the receipt"
    await send(desk)
    (record,) = desk.hub.batches[-1].records
    header = decode_header(record.header)
    assert (header.action, header.revision, header.record_id) == (RecordAction.WITHDRAW, 2, gone)
    assert header.agency == POLICE.agency and header.sections == ()
    assert (record.kinds, record.tokens, record.sections, record.wraps) == ((), b"", (), ())
    assert header.token_commitment == token_commitment(record.salt, (), b"")
    assert desk.store.salts(gone, 1) == ()
    assert desk.store.salts((1).to_bytes(16, "big"), 1)
    assert state(desk, 2) == (RowState.WITHDRAWN, 2)
    assert withdrawer().after_reading(read(desk, 1), complete=True) == Departure()


async def test_what_an_incomplete_reading_did_not_meet_stays(
    desk: Desk, withdrawer: Callable[..., Withdrawer]
) -> None:
    desk.put(1, 2)
    run = read(desk, 1, complete=False)
    assert withdrawer().after_reading(run, complete=False) == Departure()
    assert state(desk, 2) == (RowState.ACTIVE, 1)


async def test_a_refused_row_departs_even_after_an_incomplete_reading(
    desk: Desk, withdrawer: Callable[..., Withdrawer]
) -> None:
    desk.put(1, 2)
    desk.store.put((), refused=["P2", "P9"])
    assert state(desk, 2) == (RowState.REFUSED, 1)
    run = read(desk, 1, 2, complete=False)
    assert withdrawer().after_reading(run, complete=False) == Departure(withdrawn=1)
    assert state(desk, 2) == (RowState.WITHDRAWN, 2)
    desk.store.put((), refused=["P2"])
    assert state(desk, 2) == (RowState.WITHDRAWN, 2)


@pytest.mark.parametrize(
    ("departing", "out", "held"),
    [(9, 9, False), (10, 50, False), (10, 49, True), (11, 50, True), (200, 1_000, False), (201, 1_000, True)],
)
def test_the_guard_takes_share_and_number_together(departing: int, out: int, held: bool) -> None:
    assert Guard(0.2, 10).holds(departing, out) is held


async def test_a_source_that_shrank_waits_for_a_person(
    desk: Desk, withdrawer: Callable[..., Withdrawer]
) -> None:
    assert desk.database is not None
    desk.put(1, 2, 3, 4)
    careful = withdrawer(Guard(0.5, 2))
    run = read(desk, 1)
    assert careful.after_reading(run, complete=True) == Departure(held_back=3)
    assert desk.store.counts()[0] == 4, "only what was put"
    waits = WaitStore(desk.database)
    assert [(wait.part, wait.code) for wait in waits.all()] == [("withdraw", "source_shrank")]
    read(desk, 1, 2, complete=False)
    assert careful.confirmed() == 2, "what a later reading met is back"
    assert waits.all() == ()
    assert [state(desk, number)[0].value for number in (1, 2, 3, 4)] == [
        "active", "active", "withdrawn", "withdrawn",
    ]  # fmt: skip


async def test_a_source_that_is_whole_again_ends_the_wait(
    desk: Desk, withdrawer: Callable[..., Withdrawer]
) -> None:
    assert desk.database is not None
    desk.put(1, 2)
    careful = withdrawer(Guard(0.0, 1))
    careful.after_reading(read(desk, 1), complete=True)
    assert WaitStore(desk.database).all()
    assert careful.after_reading(read(desk, 1, 2), complete=True) == Departure()
    assert WaitStore(desk.database).all() == ()


async def test_by_reference_a_row_is_held_until_released(
    desk: Desk, withdrawer: Callable[..., Withdrawer]
) -> None:
    desk.put(1)
    done = withdrawer().by_reference(["P1", "P1", "P7"])
    assert (done.done, done.unknown) == (1, ("P7",))
    assert state(desk, 1) == (RowState.HELD, 2)
    assert withdrawer().by_reference(["P1"]).done == 1
    assert state(desk, 1) == (RowState.HELD, 2), "once is enough"
    assert withdrawer().release(["P1", "P7"]) == 1
    assert state(desk, 1) == (RowState.WITHDRAWN, 2)


async def test_a_refused_withdrawal_is_tried_again(desk: Desk, withdrawer: Callable[..., Withdrawer]) -> None:
    desk.put(1, 2)
    await send(desk)
    gone = (2).to_bytes(16, "big")
    desk.hub.refusals[gone] = RecordRefusal(0, "record_refused_by_policy", ("agency_inactive",))
    withdrawer().after_reading(read(desk, 1), complete=True)
    await send(desk)
    assert state(desk, 2) == (RowState.ACTIVE, 2)
    assert desk.store.salts(gone, 1), "the hub still has it"
    desk.hub.refusals.clear()
    assert withdrawer().after_reading(read(desk, 1), complete=True) == Departure(withdrawn=1)
    await send(desk)
    assert desk.store.salts(gone, 1) == ()


@pytest.mark.parametrize("code", ["batch_epoch_wrong", "batch_normaliser_wrong"])
async def test_a_withdrawal_survives_a_change_of_protocol(
    desk: Desk, withdrawer: Callable[..., Withdrawer], code: str
) -> None:
    desk.put(1)
    await send(desk)
    withdrawer().after_reading(read(desk), complete=True)
    desk.hub.verdicts.append(code)
    await send(desk)
    assert desk.store.counts()[0] == 1, "it waits for another batch"
    desk.outbox.adopt_withdrawals("norm/1 keys/1 ter 2")
    await send(desk)
    assert desk.hub.taken[-1] == (1, 2)


async def test_a_record_whose_revision_was_used_meanwhile_is_left_out(
    desk: Desk, withdrawer: Callable[..., Withdrawer]
) -> None:
    desk.put(1)
    await send(desk)
    withdrawer().by_reference(["P1"])
    desk.store.put([make_record(1, 2)])
    await send(desk)
    assert desk.hub.taken == [(1, 1), (1, 2)]
    assert state(desk, 1) == (RowState.HELD, 2)


async def test_a_withdrawal_alone_needs_no_recipient(
    desk: Desk, withdrawer: Callable[..., Withdrawer]
) -> None:
    desk.put(1)
    await send(desk)
    desk.recipients = ("nobody",)
    desk.reopen()
    withdrawer().by_reference(["P1"])
    await send(desk)
    assert desk.hub.taken[-1] == (1, 2)
    assert desk.hub.batches[-1].keks == ()
