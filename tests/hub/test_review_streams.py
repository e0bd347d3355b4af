"""Streams of the Exchange, without a network: what may be acknowledged, what a faulty frame costs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hub_kit import FakeAgency, HubKit

from passerelle.codec.frames import frames
from passerelle.codec.holdings import decode_digest, question_out
from passerelle.codec.signed import signed_in
from passerelle.errors import PasserelleError
from passerelle.holdings import DIGEST_TYPE, Comparison, summarise
from passerelle.rpc.interceptor import CallContext
from passerelle.sign import verify
from passerelle.wire.v1 import exchange_pb2 as pb
from passerelle_hub.outgoing import Bell
from passerelle_hub.service import Exchange, Threads
from passerelle_hub.store import log_store, notifications

SAME = {"surname+given+birth": "jansen jan 1980-02-03", "national number": "80020312345"}


@pytest.fixture
def threads() -> Iterator[Threads]:
    made = Threads()
    yield made
    made.close()


def exchange(hub: HubKit, threads: Threads) -> Exchange:
    core = hub.core
    return Exchange(
        intake=core.intake,
        outgoing=core.outgoing,
        holdings=core.holdings,
        access=core.access,
        bell=Bell(),
        threads=threads,
    )


def context(agency: FakeAgency) -> Any:
    """What the listener hands to servicers, with a certificate that only names its holder."""
    certificate: Any = SimpleNamespace(identity=agency.identity)
    nothing: Any = None
    return CallContext(nothing, certificate)


def linked(hub: HubKit, links: int) -> FakeAgency:
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    for at in range(links):
        words = {name: f"{word} {at}" for name, word in SAME.items()}
        hub.submit(police, police.record(words))
        hub.submit(intelligence, intelligence.record(words))
    hub.beat()
    return police


async def stream(
    hub: HubKit, threads: Threads, agency: FakeAgency, acknowledge: list[int]
) -> AsyncIterator[int]:
    """Numbers as they are pushed; the caller acknowledges once it has seen the first."""
    seen = asyncio.Event()

    async def requests() -> AsyncIterator[pb.NotificationsRequest]:
        yield pb.NotificationsRequest(from_cursor=0)
        await seen.wait()
        for number in acknowledge:
            yield pb.NotificationsRequest(acknowledge=number)

    async for note in exchange(hub, threads).Notifications(requests(), context(agency)):
        seen.set()
        yield note.sequence


def acknowledged(hub: HubKit, agency: FakeAgency) -> tuple[int, int]:
    with hub.core.database.read() as tx:
        events = log_store.counts(tx).get("notification.acknowledged", 0)
        return notifications.acknowledged(tx, agency.name), events


async def test_a_number_acknowledged_again_is_no_event(hub: HubKit, threads: Threads) -> None:
    police = linked(hub, 2)
    assert [number async for number in stream(hub, threads, police, [2, 1, 2, 2])] == [1, 2]
    assert acknowledged(hub, police) == (2, 1)


@pytest.mark.parametrize("number", [3, 2**63, 2**64 - 1])
async def test_what_was_not_sent_cannot_be_acknowledged(hub: HubKit, threads: Threads, number: int) -> None:
    police = linked(hub, 2)
    with pytest.raises(PasserelleError) as caught:
        _ = [sequence async for sequence in stream(hub, threads, police, [number])]
    assert caught.value.code == "cursor_invalid"
    assert acknowledged(hub, police) == (0, 0)


@pytest.mark.parametrize("number", [1, 2**64 - 1])
def test_a_number_that_was_never_given_is_refused_and_no_event(hub: HubKit, number: int) -> None:
    police = hub.agency("police")
    with pytest.raises(PasserelleError) as caught:
        hub.core.outgoing.acknowledge(police.identity, number)
    assert caught.value.code == "cursor_invalid"
    assert acknowledged(hub, police) == (0, 0)


async def test_a_caller_that_goes_away_leaves_no_task_behind(hub: HubKit, threads: Threads) -> None:
    police = linked(hub, 1)
    before = asyncio.all_tasks()

    async def requests() -> AsyncIterator[pb.NotificationsRequest]:
        yield pb.NotificationsRequest(from_cursor=0)
        await asyncio.Event().wait()

    answers = exchange(hub, threads).Notifications(requests(), context(police))
    assert (await anext(answers)).sequence == 1
    await answers.aclose()  # type: ignore[attr-defined]  # an async generator
    assert asyncio.all_tasks() == before


async def test_a_stray_frame_is_refused_and_the_stream_goes_on(hub: HubKit, threads: Threads) -> None:
    police = hub.agency("police")
    batch = police.batch(police.record(SAME))

    async def requests() -> AsyncIterator[pb.SubmitRequest]:
        yield pb.SubmitRequest(commit=pb.BatchCommit(records=1))
        for frame in frames(batch):
            yield frame

    answers = [answer async for answer in exchange(hub, threads).Submit(requests(), context(police))]
    receipts = [hub.receipt(signed_in(answer.receipt)) for answer in answers[1:]]
    assert answers[0].position.next_sequence == 1
    assert [(receipt.code, receipt.consumed) for receipt in receipts] == [
        ("message_malformed", False),
        ("", True),
    ]


async def test_a_reconciliation_is_asked_for_answered_and_its_difference_noted(
    hub: HubKit, threads: Threads
) -> None:
    police, service = hub.agency("police"), exchange(hub, threads)
    hub.submit(police, police.record(SAME))
    nobody = summarise([])
    for number, noted in ((1, 0), (2, 1)):  # another place in the chain tells nothing
        question = question_out(Comparison(bytes(16), number, nobody))
        answer = await service.Reconcile(question, context(police))
        signed = signed_in(answer.answer)
        said = decode_digest(verify(signed, hub.core.foundation.signing_key.public, DIGEST_TYPE))
        assert (said.agency, said.summary.count, said.position.next_sequence) == ("police", 1, 2)
        with hub.core.database.read() as tx:
            counts = log_store.counts(tx)
        assert counts.get("holdings.differ", 0) == noted
    assert counts["holdings.compared"] == 2
    with pytest.raises(PasserelleError) as refused:
        await service.Reconcile(pb.ReconcileRequest(), context(police))
    assert refused.value.code == "message_malformed"


async def test_a_hub_that_is_full_says_so_and_takes_the_next_one_again() -> None:
    threads, going = Threads(room=1), threading.Event()
    try:
        first = asyncio.create_task(threads.take(going.wait, 10))
        await asyncio.sleep(0)
        with pytest.raises(PasserelleError, match="hub_busy"):
            await threads.take(going.is_set)
        going.set()
        assert await first
        assert await threads.take(going.is_set)
    finally:
        threads.close()
