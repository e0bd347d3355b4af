"""The port of judgements over gRPC: encode, call, decode."""

from __future__ import annotations

import grpc.aio

from passerelle.codec.signed import signed_in, signed_out
from passerelle.rpc.status import peer_errors
from passerelle.sign import Signed
from passerelle.wire.v1 import judgement_pb2, judgement_pb2_grpc
from passerelle_connector.service import CALL_SECONDS


class GrpcJudge:
    """`JudgePort` over one channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.use(channel)

    def use(self, channel: grpc.aio.Channel) -> None:
        """Make every further call over this channel."""
        self._stub: judgement_pb2_grpc.JudgementAsyncStub = judgement_pb2_grpc.JudgementStub(channel)

    async def judge(self, judgement: Signed) -> Signed:
        """See `JudgePort.judge`."""
        with peer_errors():
            said = await self._stub.Judge(
                judgement_pb2.JudgeRequest(judgement=signed_out(judgement)), timeout=CALL_SECONDS
            )
        return signed_in(said.receipt)
