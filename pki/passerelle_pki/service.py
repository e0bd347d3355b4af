"""The authority's gRPC servicer: decode, call one step, encode. Nothing is decided here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar

import grpc.aio

from passerelle.codec.signed import signed_in
from passerelle.rpc.authority import welcome_out
from passerelle.wire.v1 import enrolment_pb2, enrolment_pb2_grpc
from passerelle_pki.reception import Reception

Context = grpc.aio.ServicerContext[Any, Any]
T = TypeVar("T")


class Enrolment(enrolment_pb2_grpc.EnrolmentServicer):
    """Enrols, renews, lists; `threads` has one thread, since the steps take one call at a time."""

    def __init__(self, reception: Reception, threads: Executor) -> None:
        self._reception = reception
        self._threads = threads

    async def Renew(  # noqa: N802 - name of the call
        self, request: enrolment_pb2.RenewRequest, context: Context
    ) -> enrolment_pb2.RenewResponse:
        """The chain of a fresh leaf."""
        signed = signed_in(request.request)
        chain = await self._step(lambda: self._reception.renewals.renew(signed))
        return enrolment_pb2.RenewResponse(chain=chain)

    async def Status(  # noqa: N802 - name of the call
        self, request: enrolment_pb2.StatusRequest, context: Context
    ) -> enrolment_pb2.StatusResponse:
        """Which authority this is, its clock, and how far the enrolment of a ticket is."""
        renewals = self._reception.renewals
        said = enrolment_pb2.StatusResponse(authority=str(renewals.identity), time=renewals.now())
        if request.ticket:
            status = await self._step(lambda: self._reception.progress(request.ticket))
            said.state, said.chain = status.state, status.chain
            if status.welcome is not None:
                said.welcome.CopyFrom(welcome_out(status.welcome))
        return said

    async def Enrol(  # noqa: N802 - name of the call
        self, request: enrolment_pb2.EnrolRequest, context: Context
    ) -> enrolment_pb2.EnrolResponse:
        """The ticket of a request that was taken."""
        ticket, digest = await self._step(
            lambda: self._reception.desk.take(request.code, request.request, request.manifest)
        )
        return enrolment_pb2.EnrolResponse(ticket=ticket, digest=digest)

    async def Revocations(  # noqa: N802 - name of the call
        self, request: enrolment_pb2.RevocationsRequest, context: Context
    ) -> enrolment_pb2.RevocationsResponse:
        """The signed list of this trust domain."""
        lists = self._reception.lists
        listed = await self._step(lists.current)
        return enrolment_pb2.RevocationsResponse(trust_domain=lists.trust_domain, list=listed)

    async def Announce(  # noqa: N802 - name of the call
        self, request: enrolment_pb2.AnnounceRequest, context: Context
    ) -> enrolment_pb2.AnnounceResponse:
        """The revision of the entry that holds the manifest."""
        signed = signed_in(request.manifest)
        revision = await self._step(lambda: self._reception.announcements.take(signed))
        return enrolment_pb2.AnnounceResponse(revision=revision)

    async def _step(self, step: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, step)


def add_servicers(server: grpc.aio.Server, enrolment: Enrolment) -> None:
    """Register the authority's servicer."""
    enrolment_pb2_grpc.add_EnrolmentServicer_to_server(enrolment, server)
