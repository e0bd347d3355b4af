"""The servicer of judgements. Answers and refusals leave at the end of a slot, whatever was found."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc.aio

from passerelle.codec.signed import signed_in, signed_out
from passerelle.rpc.interceptor import peer
from passerelle.wire.v1 import judgement_pb2, judgement_pb2_grpc
from passerelle_hub.judge.judging import Judgements
from passerelle_hub.service import Threads
from passerelle_hub.slots import SLOTS_PER_TICK, push_moment

Context = grpc.aio.ServicerContext[Any, Any]
ANSWER_SECONDS = 1.0
"""Width of the slots, as for queries."""


class Judgement(judgement_pb2_grpc.JudgementServicer):
    """What people find of links."""

    def __init__(self, *, judgements: Judgements, threads: Threads) -> None:
        self._judgements = judgements
        self._threads = threads

    async def Judge(  # noqa: N802 - name of the call
        self, request: judgement_pb2.JudgeRequest, context: Context
    ) -> judgement_pb2.JudgeResponse:
        """One judgement; the moment of the answer, or of the refusal, tells nothing of what is there."""
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            signed = await self._threads.take(
                self._judgements.judge, signed_in(request.judgement), peer(context)
            )
        finally:
            await asyncio.sleep(push_moment(began, clock(), ANSWER_SECONDS * SLOTS_PER_TICK) - clock())
        return judgement_pb2.JudgeResponse(receipt=signed_out(signed))


def add_servicer(server: grpc.aio.Server, servicer: Judgement) -> None:
    """Register it."""
    judgement_pb2_grpc.add_JudgementServicer_to_server(servicer, server)
