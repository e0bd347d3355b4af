"""The trustee's gRPC servicer: decode, call one step, encode. Nothing is decided here.

Evaluations run on a bounded pool of threads, one request of a stream at a time; the event loop only moves
messages. A request that is refused gets its code as an answer and the stream goes on. The agency billed is
that of the verified certificate, never one that a message names.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from functools import partial
from typing import Any, Final

import grpc.aio

from passerelle.codec.signed import signed_in, signed_out
from passerelle.codec.trustee import (
    description_out,
    evaluate_answer_out,
    evaluate_refusal_out,
    evaluate_request_in,
)
from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle.rpc.interceptor import peer
from passerelle.rpc.status import peer_errors
from passerelle.sign import Signed
from passerelle.wire.v1 import trustee_pb2, trustee_pb2_grpc
from passerelle_trustee.ceremonies.desk import Ceremonies
from passerelle_trustee.evaluate import Evaluator

Context = grpc.aio.ServicerContext[Any, Any]
_LOG: Final = get_logger("trustee")
CALL_SECONDS: Final = 30.0


class Trustee(trustee_pb2_grpc.TrusteeServicer):
    """Describes and evaluates."""

    def __init__(self, evaluator: Evaluator, threads: Executor) -> None:
        self._evaluator = evaluator
        self._threads = threads

    async def Describe(  # noqa: N802 - name of the call
        self, request: trustee_pb2.DescribeTrusteeRequest, context: Context
    ) -> trustee_pb2.DescribeTrusteeResponse:
        """Index and public keys."""
        return description_out(self._evaluator.describe())

    async def Evaluate(  # noqa: N802 - name of the call
        self, request_iterator: AsyncIterator[trustee_pb2.EvaluateRequest], context: Context
    ) -> AsyncIterator[trustee_pb2.EvaluateResponse]:
        """One answer per request, in order."""
        agency = peer(context).agency
        async for message in request_iterator:
            try:
                yield await self._answer(agency, message)
            except PasserelleError as refusal:
                _LOG.info("evaluate.refused", agency=agency, code=refusal.code, detail=refusal.detail)
                yield evaluate_refusal_out(message.request_id, refusal)

    async def _answer(
        self, agency: str, message: trustee_pb2.EvaluateRequest
    ) -> trustee_pb2.EvaluateResponse:
        request = evaluate_request_in(message)
        step = partial(self._evaluator.evaluate, agency=agency, request=request)
        answer = await asyncio.get_running_loop().run_in_executor(self._threads, step)
        _LOG.info(
            "evaluate.answered",
            agency=agency,
            group=request.group.value,
            epoch=request.epoch,
            generation=request.generation,
            size=request.count,
        )
        return evaluate_answer_out(answer)


class CeremonyServicer(trustee_pb2_grpc.CeremonyServicer):
    """Hands out this trustee's messages."""

    def __init__(self, ceremonies: Ceremonies) -> None:
        self._ceremonies = ceremonies

    async def Messages(  # noqa: N802 - name of the call
        self,
        request: trustee_pb2.CeremonyMessagesRequest,
        context: Context,
    ) -> trustee_pb2.CeremonyMessagesResponse:
        """What we said to the caller."""
        said = await asyncio.to_thread(self._ceremonies.said, request.ceremony, peer(context).agency)
        return trustee_pb2.CeremonyMessagesResponse(messages=map(signed_out, said))


class GrpcCeremony:
    """Another trustee's side of a ceremony, over one channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: trustee_pb2_grpc.CeremonyAsyncStub = trustee_pb2_grpc.CeremonyStub(channel)

    async def messages(self, ceremony: bytes) -> tuple[Signed, ...]:
        """What it said to us so far.

        Raises:
            PasserelleError: the trustee's refusal, `peer_unavailable`.
        """
        with peer_errors():
            message = trustee_pb2.CeremonyMessagesRequest(ceremony=ceremony)
            answer = await self._stub.Messages(message, timeout=CALL_SECONDS)
        return tuple(map(signed_in, answer.messages))


class GrpcReports:
    """The hub's side of reports, over one channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: trustee_pb2_grpc.TrusteeReportsAsyncStub = trustee_pb2_grpc.TrusteeReportsStub(channel)

    async def send(self, report: Signed) -> None:
        """Hand over a signed report.

        Raises:
            PasserelleError: the hub's refusal, `peer_unavailable`.
        """
        with peer_errors():
            message = trustee_pb2.ReportEvaluationsRequest(report=signed_out(report))
            await self._stub.Report(message, timeout=CALL_SECONDS)


def add_servicers(server: grpc.aio.Server, trustee: Trustee, ceremony: CeremonyServicer) -> None:
    """Register the trustee's servicers."""
    trustee_pb2_grpc.add_TrusteeServicer_to_server(trustee, server)
    trustee_pb2_grpc.add_CeremonyServicer_to_server(ceremony, server)
