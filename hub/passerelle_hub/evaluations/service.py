"""The servicer that trustees report to: decode, call one step, encode."""

from __future__ import annotations

from typing import Any

import grpc.aio

from passerelle.codec.signed import signed_in
from passerelle.rpc.interceptor import peer
from passerelle.wire.v1 import trustee_pb2, trustee_pb2_grpc
from passerelle_hub import calls
from passerelle_hub.access import Access
from passerelle_hub.evaluations.reports import Reports
from passerelle_hub.service import Threads


class TrusteeReports(trustee_pb2_grpc.TrusteeReportsServicer):
    """Takes reports of evaluations."""

    def __init__(self, *, reports: Reports, access: Access, threads: Threads) -> None:
        self._reports = reports
        self._access = access
        self._threads = threads

    async def Report(  # noqa: N802 - name of the call
        self,
        request: trustee_pb2.ReportEvaluationsRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> trustee_pb2.ReportEvaluationsResponse:
        """One day of the caller."""
        caller = peer(context)
        await self._threads.write(self._access.require, caller, calls.REPORT)
        await self._threads.write(self._reports.take, caller, signed_in(request.report))
        return trustee_pb2.ReportEvaluationsResponse()


def add_servicer(server: grpc.aio.Server, servicer: TrusteeReports) -> None:
    """Register it."""
    trustee_pb2_grpc.add_TrusteeReportsServicer_to_server(servicer, server)
