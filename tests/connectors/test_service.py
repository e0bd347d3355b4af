"""The ports over gRPC, against small servicers on a local socket: every message there and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from patience import until

from passerelle.audit.service import GrpcHub as WitnessedHub
from passerelle.codec.frames import Assembler
from passerelle.codec.signed import signed_out
from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.holdings import Comparison, Selection, summarise
from passerelle.oprf.protocol import EvaluateRequest
from passerelle.record import Batch, Position, SealedRecord
from passerelle.rpc.status import CODE_KEY
from passerelle.sign import Signature, Signed
from passerelle.wire.v1 import (
    directory_pb2,
    directory_pb2_grpc,
    exchange_pb2,
    exchange_pb2_grpc,
    trustee_pb2,
    trustee_pb2_grpc,
)
from passerelle_connector.ports import SealedNotification, close_stream
from passerelle_connector.service import GrpcHub, GrpcTrustee

pytestmark = pytest.mark.integration

SIGNED = Signed("type", b"payload", Signature(b"k" * 32, b"e", b"m"))
RECORD = SealedRecord(b"header", (1,), b"t" * 16, b"s" * 32)


class Exchange(exchange_pb2_grpc.ExchangeServicer):
    """Answers each batch with its own statement; `position` first."""

    def __init__(self) -> None:
        self.position = exchange_pb2.SubmitResponse(
            position=exchange_pb2.Position(next_sequence=7, previous=b"p" * 32)
        )
        self.acknowledged: list[int] = []
        self.refusal = ""

    async def Submit(  # noqa: N802 - name of the call
        self, request_iterator: AsyncIterator[Any], context: Any
    ) -> AsyncIterator[Any]:
        yield self.position
        assembler = Assembler()
        async for frame in request_iterator:
            if self.refusal:
                await context.abort(grpc.StatusCode.PERMISSION_DENIED, "", ((CODE_KEY, self.refusal),))
            if (batch := assembler.feed(frame)) is None:
                continue
            assert batch.records == (RECORD,)
            yield exchange_pb2.SubmitResponse(receipt=signed_out(batch.signed))

    async def Notifications(  # noqa: N802 - name of the call
        self, request_iterator: AsyncIterator[Any], context: Any
    ) -> AsyncIterator[Any]:
        first = await anext(request_iterator)
        for number in (first.from_cursor + 1, first.from_cursor + 2):
            yield exchange_pb2.NotificationsResponse(sequence=number, sealed=b"x", key_id=b"k")
            self.acknowledged.append((await anext(request_iterator)).acknowledge)

    async def Reconcile(self, request: Any, context: Any) -> Any:  # noqa: N802 - name of the call
        assert request.nonce == bytes(16)
        signed = signed_out(SIGNED)
        signed.payload_type = request.WhichOneof("question")
        return exchange_pb2.ReconcileResponse(answer=signed)


class Directory(directory_pb2_grpc.DirectoryServicer):
    async def Describe(self, request: Any, context: Any) -> Any:  # noqa: N802 - name of the call
        domain = directory_pb2.AcceptedDomain(name="ter", epochs=[1, 2], tiers=["core"])
        return directory_pb2.DescribeResponse(
            hub="h", entry=signed_out(SIGNED), domains=[domain], normaliser="norm/1", catalogue="keys/1"
        )

    async def Agencies(self, request: Any, context: Any) -> Any:  # noqa: N802 - name of the call
        return directory_pb2.AgenciesResponse(entries=[signed_out(SIGNED)])


class Trustee(trustee_pb2_grpc.TrusteeServicer):
    async def Describe(self, request: Any, context: Any) -> Any:  # noqa: N802 - name of the call
        return trustee_pb2.DescribeTrusteeResponse(index=2)

    async def Evaluate(  # noqa: N802 - name of the call
        self, request_iterator: AsyncIterator[Any], context: Any
    ) -> AsyncIterator[Any]:
        async for request in request_iterator:
            if request.epoch == 9:
                return
            code = {2: "evaluation_budget_exceeded", 3: "a_code_of_tomorrow"}.get(request.epoch, "")
            yield trustee_pb2.EvaluateResponse(
                request_id=request.request_id,
                index=request.quorum[0],
                generation=request.generation,
                elements=b"" if code else request.elements,
                proof=b"" if code else b"p" * 64,
                error_code=code,
            )


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
async def channel(tmp_path: Path, exchange: Exchange) -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server()
    exchange_pb2_grpc.add_ExchangeServicer_to_server(exchange, server)
    directory_pb2_grpc.add_DirectoryServicer_to_server(Directory(), server)
    trustee_pb2_grpc.add_TrusteeServicer_to_server(Trustee(), server)
    server.add_insecure_port(f"unix:{tmp_path}/socket")
    await server.start()
    async with grpc.aio.insecure_channel(f"unix:{tmp_path}/socket") as opened:
        yield opened
    await server.stop(0)


async def once(batch: Batch) -> AsyncIterator[Batch]:
    yield batch
    await asyncio.sleep(60)


async def never() -> AsyncIterator[Any]:
    await asyncio.sleep(60)
    yield None


async def test_position_then_receipts(channel: grpc.aio.Channel) -> None:
    answers = GrpcHub(channel).submit(once(Batch(SIGNED, (RECORD,))))
    assert await anext(answers) == Position(7, b"p" * 32)
    assert await anext(answers) == SIGNED
    await close_stream(answers)


async def test_a_hub_that_is_away_leaves_no_request_behind(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    async with grpc.aio.insecure_channel(f"unix:{tmp_path}/nobody") as channel:
        for stream in (GrpcHub(channel).submit(never()), GrpcHub(channel).notifications(0, never())):
            with pytest.raises(PasserelleError, match="peer_unavailable"):
                await anext(stream)
    # generators that were left are closed by tasks of the event loop
    await until(lambda: asyncio.all_tasks() == before)


async def test_the_hubs_refusal_comes_through_by_code(channel: grpc.aio.Channel, exchange: Exchange) -> None:
    exchange.refusal = "agency_suspended"
    answers = GrpcHub(channel).submit(once(Batch(SIGNED, (RECORD,))))
    await anext(answers)
    with pytest.raises(PasserelleError, match="agency_suspended"):
        await anext(answers)


@pytest.mark.parametrize(
    "answer",
    [
        exchange_pb2.SubmitResponse(),
        exchange_pb2.SubmitResponse(position=exchange_pb2.Position(next_sequence=1, previous=b"short")),
    ],
)
async def test_an_answer_that_is_none_is_refused(
    channel: grpc.aio.Channel, exchange: Exchange, answer: Any
) -> None:
    exchange.position = answer
    with pytest.raises(PasserelleError, match="message_malformed"):
        await anext(GrpcHub(channel).submit(once(Batch(SIGNED, (RECORD,)))))


async def test_notifications_and_acknowledgements(channel: grpc.aio.Channel, exchange: Exchange) -> None:
    numbers: asyncio.Queue[int] = asyncio.Queue()

    async def acknowledgements() -> AsyncIterator[int]:
        while True:
            yield await numbers.get()

    found: list[SealedNotification] = []
    async for item in GrpcHub(channel).notifications(4, acknowledgements()):
        found.append(item)
        numbers.put_nowait(item.sequence)
    assert [item.sequence for item in found] == [5, 6]
    assert exchange.acknowledged == [5, 6]


async def test_the_directory(channel: grpc.aio.Channel) -> None:
    hub = GrpcHub(channel)
    said = await hub.describe()
    assert (said.hub, said.entry, said.normaliser, said.catalogue) == ("h", SIGNED, "norm/1", "keys/1")
    assert [(domain.name, domain.epochs, domain.tiers) for domain in said.domains] == [
        ("ter", (1, 2), ("core",))
    ]
    assert await hub.agencies() == (SIGNED,)


async def test_a_witness_asks_its_hub_for_the_entries(channel: grpc.aio.Channel) -> None:
    assert await WitnessedHub(channel).entries() == (SIGNED,)


def asked(epoch: int) -> EvaluateRequest:
    return EvaluateRequest(b"r" * 16, "ter", Group.PHONE, epoch, 1, (2, 3), b"e" * 64)


async def test_an_evaluation(channel: grpc.aio.Channel) -> None:
    answer = await GrpcTrustee(channel).evaluate(asked(1))
    assert (answer.request_id, answer.index, answer.elements) == (b"r" * 16, 2, b"e" * 64)


@pytest.mark.parametrize(
    ("epoch", "code"), [(2, "evaluation_budget_exceeded"), (3, "peer_fault"), (9, "peer_fault")]
)
async def test_an_evaluation_refused(channel: grpc.aio.Channel, epoch: int, code: str) -> None:
    with pytest.raises(PasserelleError, match=code):
        await GrpcTrustee(channel).evaluate(asked(epoch))


async def test_nobody_there(tmp_path: Path) -> None:
    async with grpc.aio.insecure_channel(f"unix:{tmp_path}/nobody") as channel:
        with pytest.raises(PasserelleError, match="peer_unavailable"):
            await GrpcHub(channel).describe()


async def test_a_reconciliation_asks_for_digests_or_a_list(channel: grpc.aio.Channel) -> None:
    hub = GrpcHub(channel)
    compared = await hub.reconcile(Comparison(bytes(16), 1, summarise([])))
    listed = await hub.reconcile(Selection(bytes(16), b"\7"))
    assert (compared.payload_type, listed.payload_type) == ("compare", "list")
    assert compared.payload == SIGNED.payload
