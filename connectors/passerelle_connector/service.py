"""The connector's ports over gRPC: encode, call, decode. The only module here that knows the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import grpc.aio

from passerelle.codec.foresight import foresight_in, imagined_out
from passerelle.codec.frames import frames
from passerelle.codec.holdings import question_out
from passerelle.codec.signed import signed_in
from passerelle.codec.trustee import evaluate_answer_in, evaluate_request_out
from passerelle.errors import PasserelleError
from passerelle.foresight import Foresight, Imagined
from passerelle.holdings import Comparison, Selection
from passerelle.oprf.protocol import EvaluateAnswer, EvaluateRequest
from passerelle.record import DIGEST_BYTES, Batch, Position
from passerelle.rpc.sending import streaming
from passerelle.rpc.status import peer_errors
from passerelle.sign import Signed
from passerelle.wire.v1 import (
    directory_pb2,
    directory_pb2_grpc,
    exchange_pb2,
    exchange_pb2_grpc,
    preview_pb2_grpc,
    trustee_pb2,
    trustee_pb2_grpc,
)
from passerelle_connector.ports import AcceptedDomain, HubDescription, SealedNotification

CALL_SECONDS = 30.0


class GrpcHub:
    """`HubPort`, `HoldingsPort`, `PreviewPort` and `DirectoryPort` over one channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.use(channel)

    def use(self, channel: grpc.aio.Channel) -> None:
        """Make every further call over this channel."""
        self._exchange: exchange_pb2_grpc.ExchangeAsyncStub = exchange_pb2_grpc.ExchangeStub(channel)
        self._preview: preview_pb2_grpc.PreviewAsyncStub = preview_pb2_grpc.PreviewStub(channel)
        self._directory: directory_pb2_grpc.DirectoryAsyncStub = directory_pb2_grpc.DirectoryStub(channel)

    async def submit(self, batches: AsyncIterator[Batch]) -> AsyncIterator[Position | Signed]:
        """See `HubPort.submit`."""

        async def requests() -> AsyncIterator[exchange_pb2.SubmitRequest]:
            async for batch in batches:
                for frame in frames(batch):
                    yield frame

        async with streaming(self._exchange.Submit, requests()) as answers:
            async for answer in answers:
                yield _answer(answer)

    async def notifications(
        self, cursor: int, acknowledgements: AsyncIterator[int]
    ) -> AsyncIterator[SealedNotification]:
        """See `HubPort.notifications`."""

        async def requests() -> AsyncIterator[exchange_pb2.NotificationsRequest]:
            yield exchange_pb2.NotificationsRequest(from_cursor=cursor)
            async for number in acknowledgements:
                yield exchange_pb2.NotificationsRequest(acknowledge=number)

        async with streaming(self._exchange.Notifications, requests()) as items:
            async for item in items:
                yield SealedNotification(item.sequence, item.sealed, item.key_id)

    async def reconcile(self, question: Comparison | Selection) -> Signed:
        """See `HoldingsPort.reconcile`."""
        with peer_errors():
            said = await self._exchange.Reconcile(question_out(question), timeout=CALL_SECONDS)
        return signed_in(said.answer)

    async def who_would_learn(self, imagined: Imagined) -> Foresight:
        """See `PreviewPort.who_would_learn`."""
        with peer_errors():
            said = await self._preview.WhoWouldLearn(imagined_out(imagined), timeout=CALL_SECONDS)
        return foresight_in(said)

    async def describe(self) -> HubDescription:
        """See `DirectoryPort.describe`."""
        with peer_errors():
            said = await self._directory.Describe(directory_pb2.DescribeRequest(), timeout=CALL_SECONDS)
        return HubDescription(
            hub=said.hub,
            entry=signed_in(said.entry),
            domains=tuple(
                AcceptedDomain(
                    domain.name, tuple(domain.epochs), tuple(domain.tiers), tuple(domain.announced)
                )
                for domain in said.domains
            ),
            normaliser=said.normaliser,
            catalogue=said.catalogue,
            time=said.time,
        )

    async def agencies(self) -> tuple[Signed, ...]:
        """See `DirectoryPort.agencies`."""
        with peer_errors():
            said = await self._directory.Agencies(directory_pb2.AgenciesRequest(), timeout=CALL_SECONDS)
        return tuple(signed_in(entry) for entry in said.entries)


class GrpcTrustee:
    """`TrusteePort` over one channel: one request a stream, so that a slow one holds up no other."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.use(channel)

    def use(self, channel: grpc.aio.Channel) -> None:
        """Make every further call over this channel."""
        self._stub: trustee_pb2_grpc.TrusteeAsyncStub = trustee_pb2_grpc.TrusteeStub(channel)

    async def evaluate(self, request: EvaluateRequest) -> EvaluateAnswer:
        """See `TrusteePort.evaluate`."""

        async def requests() -> AsyncIterator[trustee_pb2.EvaluateRequest]:
            yield evaluate_request_out(request)

        start = partial(self._stub.Evaluate, timeout=CALL_SECONDS)
        async with streaming(start, requests()) as answers:
            async for answer in answers:
                return evaluate_answer_in(answer)
        raise PasserelleError("peer_fault", "no answer")


def _answer(answer: exchange_pb2.SubmitResponse) -> Position | Signed:
    kind = answer.WhichOneof("answer")
    if kind == "receipt":
        return signed_in(answer.receipt)
    if kind != "position" or len(answer.position.previous) != DIGEST_BYTES:
        raise PasserelleError("message_malformed", "neither position nor receipt")
    return Position(answer.position.next_sequence, answer.position.previous)
