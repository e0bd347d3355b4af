"""The servicer of one-off queries. Every answer leaves at the end of a slot, whatever was found."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc.aio

from passerelle.codec.signed import signed_in, signed_out
from passerelle.rpc.interceptor import peer
from passerelle.wire.v1 import query_pb2, query_pb2_grpc
from passerelle_hub.query.ask import Queries
from passerelle_hub.service import Threads
from passerelle_hub.slots import SLOTS_PER_TICK, push_moment

Context = grpc.aio.ServicerContext[Any, Any]
ANSWER_SECONDS = 1.0
"""Width of the slots that answers leave at the end of; an ordinary question takes a fraction of one."""


class Query(query_pb2_grpc.QueryServicer):
    """Hit or no hit."""

    def __init__(self, *, queries: Queries, threads: Threads) -> None:
        self._queries = queries
        self._threads = threads

    async def Ask(  # noqa: N802 - name of the call
        self, request: query_pb2.AskRequest, context: Context
    ) -> query_pb2.AskResponse:
        """One question; the answer's moment tells nothing of what was found."""
        clock = asyncio.get_running_loop().time
        began = clock()
        signed = await self._threads.take(self._queries.answer, signed_in(request.question), peer(context))
        await asyncio.sleep(push_moment(began, clock(), ANSWER_SECONDS * SLOTS_PER_TICK) - clock())
        return query_pb2.AskResponse(answer=signed_out(signed))


def add_servicer(server: grpc.aio.Server, servicer: Query) -> None:
    """Register it."""
    query_pb2_grpc.add_QueryServicer_to_server(servicer, server)
