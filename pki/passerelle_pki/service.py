"""The authority's gRPC servicer: decode, call one step, encode. Nothing is decided here."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from typing import Any

import grpc.aio

from passerelle.codec.signed import signed_in
from passerelle.wire.v1 import enrolment_pb2, enrolment_pb2_grpc
from passerelle_pki.renew import Renewals

Context = grpc.aio.ServicerContext[Any, Any]


class Enrolment(enrolment_pb2_grpc.EnrolmentServicer):
    """Renews leaves; `threads` has one thread, since renewals and the authority take one call at a time."""

    def __init__(self, renewals: Renewals, threads: Executor) -> None:
        self._renewals = renewals
        self._threads = threads

    async def Renew(  # noqa: N802 - name of the call
        self, request: enrolment_pb2.RenewRequest, context: Context
    ) -> enrolment_pb2.RenewResponse:
        """The chain of a fresh leaf."""
        loop = asyncio.get_running_loop()
        signed = signed_in(request.request)
        chain = await loop.run_in_executor(self._threads, self._renewals.renew, signed)
        return enrolment_pb2.RenewResponse(chain=chain)

    async def Status(  # noqa: N802 - name of the call
        self, request: enrolment_pb2.StatusRequest, context: Context
    ) -> enrolment_pb2.StatusResponse:
        """Which authority this is, and its clock."""
        return enrolment_pb2.StatusResponse(authority=str(self._renewals.identity), time=self._renewals.now())


def add_servicers(server: grpc.aio.Server, enrolment: Enrolment) -> None:
    """Register the authority's servicer."""
    enrolment_pb2_grpc.add_EnrolmentServicer_to_server(enrolment, server)
