"""The servicer of closer looks: decode, call one step, encode."""

from __future__ import annotations

from typing import Any

import grpc.aio

from passerelle.codec.closer import answer_in, questions_out
from passerelle.rpc.interceptor import peer
from passerelle.wire.v1 import closer_pb2, closer_pb2_grpc
from passerelle_hub import calls
from passerelle_hub.access import Access
from passerelle_hub.closer.looks import Answers
from passerelle_hub.service import Threads

Context = grpc.aio.ServicerContext[Any, Any]


class Closer(closer_pb2_grpc.CloserServicer):
    """Asks connectors and takes their answers."""

    def __init__(self, *, answers: Answers, access: Access, threads: Threads) -> None:
        self._answers = answers
        self._access = access
        self._threads = threads

    async def Questions(  # noqa: N802 - name of the call
        self, request: closer_pb2.CloserQuestionsRequest, context: Context
    ) -> closer_pb2.CloserQuestionsResponse:
        """What waits for the caller."""
        caller = peer(context)
        await self._threads.write(self._access.require, caller, calls.CLOSER_QUESTIONS)
        return questions_out(await self._threads.read(self._answers.questions, caller))

    async def Answer(  # noqa: N802 - name of the call
        self, request: closer_pb2.CloserAnswerRequest, context: Context
    ) -> closer_pb2.CloserAnswerResponse:
        """One answer of the caller."""
        caller = peer(context)
        await self._threads.write(self._access.require, caller, calls.CLOSER_ANSWER)
        await self._threads.write(self._answers.take, caller, answer_in(request))
        return closer_pb2.CloserAnswerResponse()


def add_servicer(server: grpc.aio.Server, servicer: Closer) -> None:
    """Register it."""
    closer_pb2_grpc.add_CloserServicer_to_server(servicer, server)
