"""The connector's port to closer looks over gRPC: encode, call, decode."""

from __future__ import annotations

import grpc.aio

from passerelle.closer import Answer, Question
from passerelle.codec.closer import answer_out, questions_in
from passerelle.rpc.status import peer_errors
from passerelle.wire.v1 import closer_pb2, closer_pb2_grpc

CALL_SECONDS = 30.0


class GrpcCloser:
    """`CloserPort` over one channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.use(channel)

    def use(self, channel: grpc.aio.Channel) -> None:
        """Make every further call over this channel."""
        self._stub: closer_pb2_grpc.CloserAsyncStub = closer_pb2_grpc.CloserStub(channel)

    async def questions(self) -> tuple[Question, ...]:
        """See `CloserPort.questions`."""
        with peer_errors():
            said = await self._stub.Questions(closer_pb2.CloserQuestionsRequest(), timeout=CALL_SECONDS)
        return questions_in(said)

    async def answer(self, answer: Answer) -> None:
        """See `CloserPort.answer`."""
        with peer_errors():
            await self._stub.Answer(answer_out(answer), timeout=CALL_SECONDS)
