"""Delivery: the chain, receipts, refusals, and what survives a lost message or a restart."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from connector_kit import Desk
from patience import PATIENCE

from passerelle.clock import SECOND
from passerelle.errors import PasserelleError
from passerelle.record import Position, RecordRefusal
from passerelle_connector.batch_size import LEAST, STEP, BatchSize
from passerelle_connector.deliver import FULL
from passerelle_connector.model import ChainPosition


def lose() -> None:
    raise PasserelleError("peer_unavailable", "the network is gone")


def refs(desk: Desk) -> dict[str, str]:
    return {reject.reference: reject.code for reject in desk.rows.rejects()}


async def test_batches_go_in_order_and_form_a_chain(desk: Desk) -> None:
    desk.put(1, 2, 3, 4, 5, 6, 7)
    assert desk.outbox.close(flush=True) == 3
    assert await desk.deliver() == 3
    assert [len(batch.records) for batch in desk.hub.batches] == [3, 3, 1]
    assert desk.store.position() == ChainPosition(3, desk.hub.position.previous)
    assert desk.store.counts() == (0, {"receipted": 3})
    assert desk.store.in_flight() is None and desk.store.next_closed() is None


async def test_incomplete_batches_wait_unless_flushed(desk: Desk) -> None:
    desk.put(1, 2)
    assert desk.outbox.close(flush=False) == 0
    desk.put(3, 4)
    assert desk.outbox.close(flush=False) == 1
    assert desk.store.counts() == (1, {"closed": 1})


async def test_a_lost_batch_is_sent_again_byte_for_byte(desk: Desk) -> None:
    desk.put(1)
    desk.outbox.close(flush=True)
    desk.hub.before = lose
    with pytest.raises(PasserelleError, match="peer_unavailable"):
        await desk.deliver()
    sent = desk.store.in_flight()
    desk.hub.before = lambda: None
    desk.reopen()
    assert await desk.deliver() == 1
    assert sent is not None and desk.hub.batches[0].signed == sent.signed


async def test_a_lost_receipt_is_asked_for_again(desk: Desk) -> None:
    desk.put(1)
    desk.outbox.close(flush=True)
    desk.hub.after = lose
    with pytest.raises(PasserelleError, match="peer_unavailable"):
        await desk.deliver()
    desk.hub.after = lambda: None
    desk.put(2)
    desk.outbox.close(flush=True)
    desk.reopen()
    assert await desk.deliver() == 2
    assert len(desk.hub.batches) == 2
    assert desk.hub.taken == [(1, 1), (2, 1)]


@pytest.mark.parametrize("code", ["hub_busy", "database_unavailable"])
async def test_a_batch_that_a_full_hub_did_not_take_waits_and_is_sent_again(desk: Desk, code: str) -> None:
    def full() -> None:
        raise PasserelleError(code, "answered by the peer")

    desk.put(1)
    desk.outbox.close(flush=True)
    desk.hub.before = full
    with pytest.raises(PasserelleError, match=code):
        await desk.deliver()
    assert refs(desk) == {}
    desk.hub.before = lambda: None
    assert await desk.deliver() == 1
    assert desk.hub.taken == [(1, 1)]


async def test_batches_are_as_large_as_the_hub_is_quick(desk: Desk) -> None:
    desk.outbox.size = BatchSize(200)
    desk.delivery.answered = desk.outbox.size.answered

    async def next_batch(seconds: float, code: str = "") -> int:
        """The hub takes so long, or says no; how many records the batch after it has."""

        def slow() -> None:
            desk.clock.advance(int(seconds * SECOND))
            if code:
                raise PasserelleError(code, "answered by the peer")

        desk.hub.before = slow
        desk.put(*range(len(made), len(made) + desk.outbox.size.records))
        made.extend(range(desk.outbox.size.records))
        assert desk.outbox.close(flush=False) == 1
        with pytest.raises(PasserelleError) if code else nullcontext():
            await desk.deliver()
        desk.hub.before = lambda: None
        await desk.deliver()
        return desk.outbox.size.records

    made: list[int] = []
    assert await next_batch(1) == 200  # the bound
    assert await next_batch(6) == 100
    assert await next_batch(3) == 100
    assert await next_batch(2) == 125
    assert await next_batch(6) == 62
    assert await next_batch(6) == LEAST
    assert await next_batch(60) == LEAST
    assert (
        await next_batch(0, "peer_unavailable") == LEAST + STEP
    )  # a lost connection says nothing of the hub
    for code in FULL:
        desk.outbox.size.records = 200
        assert await next_batch(0, code) == 100 + STEP  # halved, then taken at once
    assert [len(batch.records) for batch in desk.hub.batches[:7]] == [200, 200, 100, 100, 125, 62, 50]


def test_small_batches_say_nothing_of_larger_ones() -> None:
    size = BatchSize(500)
    size.answered(500, None)
    size.answered(10, 0)
    assert size.records == 250
    assert BatchSize(3).records == 3
    tiny = BatchSize(3)
    tiny.answered(3, None)
    assert tiny.records == 3


async def test_refused_records_become_rejects_with_their_reasons(desk: Desk) -> None:
    desk.hub.refusals[(2).to_bytes(16, "big")] = RecordRefusal(
        0, "record_refused_by_policy", ("no_basis", "minor")
    )
    desk.put(1, 2, 3)
    desk.outbox.close(flush=True)
    await desk.deliver()
    (reject,) = desk.rows.rejects()
    assert (reject.reference, reject.code, reject.reasons, reject.fatal) == (
        "P2",
        "record_refused_by_policy",
        ("no_basis", "minor"),
        True,
    )
    assert desk.hub.taken == [(1, 1), (3, 1)]


async def test_a_refused_batch_uses_its_number_up_and_the_next_goes_on(desk: Desk) -> None:
    desk.hub.verdicts = ["batch_root_mismatch"]
    desk.put(1, 2, 3, 4)
    desk.outbox.close(flush=True)
    assert await desk.deliver() == 2
    assert refs(desk) == dict.fromkeys(("P1", "P2", "P3"), "batch_root_mismatch")
    assert desk.store.position().sequence == 2
    assert desk.hub.taken == [(4, 1)]


async def test_a_late_refusal_is_not_noted_against_a_newer_revision(desk: Desk) -> None:
    desk.hub.verdicts = ["batch_root_mismatch"]
    desk.put(1, 2)
    desk.outbox.close(flush=True)
    desk.hub.after = lose
    with pytest.raises(PasserelleError, match="peer_unavailable"):
        await desk.deliver()
    desk.hub.after = lambda: None
    desk.put(1, revision=2)
    desk.outbox.close(flush=True)
    assert await desk.deliver() == 2
    assert refs(desk) == {"P2": "batch_root_mismatch"}
    assert desk.hub.taken == [(1, 2)]


async def test_a_new_revision_clears_the_reject(desk: Desk) -> None:
    desk.hub.verdicts = ["batch_root_mismatch"]
    desk.put(1)
    desk.outbox.close(flush=True)
    await desk.deliver()
    desk.put(1, revision=2)
    assert desk.rows.rejects() == ()


async def test_a_quota_lets_the_records_wait_for_another_batch(desk: Desk) -> None:
    desk.hub.verdicts = ["quota_exceeded"]
    desk.put(1, 2)
    desk.outbox.close(flush=True)
    with pytest.raises(PasserelleError, match="quota_exceeded"):
        await desk.deliver()
    desk.put(1, revision=2)
    desk.reopen()
    assert desk.outbox.close(flush=True) == 1
    assert await desk.deliver() == 1
    assert desk.store.position().sequence == 2
    assert desk.rows.rejects() == ()
    assert desk.hub.taken == [(2, 1), (1, 2)]


async def test_a_newer_revision_replaces_a_requeued_one(desk: Desk) -> None:
    desk.put(1, 2)
    desk.outbox.close(flush=True)
    desk.put(1, revision=2)
    desk.hub.verdicts = ["quota_exceeded"]
    with pytest.raises(PasserelleError, match="quota_exceeded"):
        await desk.deliver()
    assert sorted(record.revision for record in desk.store.waiting(10)) == [1, 2]


async def test_another_epoch_tokenises_the_rows_again(desk: Desk) -> None:
    desk.hub.verdicts = ["batch_epoch_wrong"]
    desk.put(1)
    desk.outbox.close(flush=True)
    assert await desk.deliver() == 1
    assert desk.rows.known(["P1"])["P1"].protocol == ""
    assert desk.store.counts()[0] == 0


async def test_a_number_that_was_not_used_up_is_used_again(desk: Desk) -> None:
    desk.hub.verdicts = ["batch_signature_invalid"]
    desk.hub.unconsumed = frozenset(desk.hub.verdicts)
    desk.put(1)
    desk.outbox.close(flush=True)
    with pytest.raises(PasserelleError, match="batch_not_consumed") as caught:
        await desk.deliver()
    assert caught.value.detail == "batch_signature_invalid"
    desk.reopen()
    assert await desk.deliver() == 1
    assert desk.store.position().sequence == 1


@pytest.mark.parametrize(
    "change",
    [
        {"agency": "customs"},
        {"hub": "spiffe://hub.example/hub/other"},
        {"batch_id": bytes(16)},
        {"statement_digest": bytes(32)},
        {"consumed": False},
        {"refusals": (RecordRefusal(1, "header_invalid"),)},
    ],
)
async def test_a_receipt_for_something_else_settles_nothing(desk: Desk, change: dict[str, Any]) -> None:
    desk.hub.forge = lambda receipt: replace(receipt, **change)
    desk.put(1)
    desk.outbox.close(flush=True)
    with pytest.raises(PasserelleError, match="receipt_invalid"):
        await desk.deliver()
    assert desk.store.in_flight() is not None
    assert desk.store.position() == ChainPosition()


async def test_a_receipt_by_another_key_settles_nothing(desk: Desk) -> None:
    desk.hub.party = replace(desk.hub.party, signing=desk.cast.customs.signing)
    desk.put(1)
    desk.outbox.close(flush=True)
    with pytest.raises(PasserelleError, match="receipt_invalid") as caught:
        await desk.deliver()
    assert caught.value.detail == "manifest_key_unknown"


@pytest.mark.parametrize("position", [Position(2, bytes(32)), Position(1, b"x" * 32), Position(3, bytes(32))])
async def test_a_chain_that_fits_nothing_stops_delivery(desk: Desk, position: Position) -> None:
    desk.hub.position = position
    desk.put(1)
    desk.outbox.close(flush=True)
    with pytest.raises(PasserelleError, match="chain_diverged"):
        await desk.deliver()
    assert desk.store.in_flight() is None


async def test_a_delivery_that_waits_is_woken_by_a_closed_batch(desk: Desk) -> None:
    healthy = asyncio.Event()

    async def tell() -> None:
        healthy.set()

    loop = asyncio.get_running_loop()

    def wake() -> None:
        loop.call_soon_threadsafe(desk.delivery.closed.set)

    desk.outbox.on_closed(wake)
    running = asyncio.create_task(desk.delivery.run(until_empty=False, healthy=tell))
    await asyncio.wait_for(healthy.wait(), PATIENCE)
    healthy.clear()
    desk.put(1)
    await asyncio.to_thread(desk.outbox.close, flush=True)
    await asyncio.wait_for(healthy.wait(), PATIENCE)
    assert len(desk.hub.batches) == 1
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_recipients_get_wraps_for_every_section(desk: Desk) -> None:
    desk.recipients = ("customs",)
    desk.reopen()
    desk.put(1, 2)
    desk.outbox.close(flush=True)
    await desk.deliver()
    (batch,) = desk.hub.batches
    assert [kek.recipient for kek in batch.keks] == ["customs"]
    assert all([wrap.section for wrap in record.wraps] == ["identity"] for record in batch.records)


def test_an_unknown_recipient_keeps_the_records(desk: Desk) -> None:
    desk.recipients = ("nobody",)
    desk.reopen()
    desk.put(1)
    with pytest.raises(PasserelleError, match="recipient_unknown"):
        desk.outbox.close(flush=True)
    assert desk.store.counts() == (1, {})
