"""The port of one-off queries over gRPC: encode, call, decode."""

from __future__ import annotations

import grpc.aio

from passerelle.codec.signed import signed_in, signed_out
from passerelle.rpc.status import peer_errors
from passerelle.sign import Signed
from passerelle.wire.v1 import query_pb2, query_pb2_grpc
from passerelle_connector.service import CALL_SECONDS


class GrpcQuery:
    """`QueryPort` over one channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.use(channel)

    def use(self, channel: grpc.aio.Channel) -> None:
        """Make every further call over this channel."""
        self._stub: query_pb2_grpc.QueryAsyncStub = query_pb2_grpc.QueryStub(channel)

    async def ask(self, question: Signed) -> Signed:
        """See `QueryPort.ask`."""
        with peer_errors():
            said = await self._stub.Ask(
                query_pb2.AskRequest(question=signed_out(question)), timeout=CALL_SECONDS
            )
        return signed_in(said.answer)
