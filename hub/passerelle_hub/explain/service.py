"""The servicers of what is explained: decode, call one step, encode."""

from __future__ import annotations

from typing import Any

import grpc.aio

from passerelle.codec.foresight import foresight_out, imagined_in
from passerelle.rpc.interceptor import peer
from passerelle.wire.v1 import administration_pb2, administration_pb2_grpc, preview_pb2, preview_pb2_grpc
from passerelle_hub import calls
from passerelle_hub.access import Access
from passerelle_hub.explain.decision import Explanation, explain
from passerelle_hub.explain.foresight import Foreseer
from passerelle_hub.service import Threads
from passerelle_hub.store import Database

Context = grpc.aio.ServicerContext[Any, Any]

_KINDS = {
    "grant": administration_pb2.EXPLAINED_KIND_GRANT,
    "reason": administration_pb2.EXPLAINED_KIND_REASON,
    "obligation": administration_pb2.EXPLAINED_KIND_OBLIGATION,
    "redaction": administration_pb2.EXPLAINED_KIND_REDACTION,
}


class Administration(administration_pb2_grpc.AdministrationServicer):
    """What operator and supervisor ask."""

    def __init__(self, *, database: Database, access: Access, threads: Threads) -> None:
        self._database = database
        self._access = access
        self._threads = threads

    async def ExplainDecision(  # noqa: N802 - name of the call
        self, request: administration_pb2.ExplainDecisionRequest, context: Context
    ) -> administration_pb2.ExplainDecisionResponse:
        """Why one decision was taken."""
        await self._threads.write(self._access.require, peer(context), calls.EXPLAIN)
        return _explained(await self._threads.read(self._explain, request.decision, request.language))

    def _explain(self, decision: str, language: str) -> Explanation:
        with self._database.read() as tx:
            return explain(tx, decision, language)


class Preview(preview_pb2_grpc.PreviewServicer):
    """What a partner asks before it submits."""

    def __init__(self, *, foreseer: Foreseer, access: Access, threads: Threads) -> None:
        self._foreseer = foreseer
        self._access = access
        self._threads = threads

    async def WhoWouldLearn(  # noqa: N802 - name of the call
        self, request: preview_pb2.WhoWouldLearnRequest, context: Context
    ) -> preview_pb2.WhoWouldLearnResponse:
        """Who would learn what."""
        caller = peer(context)
        await self._threads.write(self._access.require, caller, calls.PREVIEW)
        foreseen = await self._threads.read(self._foreseer.foresee, caller, imagined_in(request))
        return foresight_out(foreseen)


def add_servicers(server: grpc.aio.Server, administration: Administration, preview: Preview) -> None:
    """Register them."""
    administration_pb2_grpc.add_AdministrationServicer_to_server(administration, server)
    preview_pb2_grpc.add_PreviewServicer_to_server(preview, server)


def _explained(told: Explanation) -> administration_pb2.ExplainDecisionResponse:
    return administration_pb2.ExplainDecisionResponse(
        decision=told.decision,
        package=told.package,
        action=told.action,
        agency=told.agency,
        allow=told.allow,
        headline=told.headline,
        lines=[
            administration_pb2.ExplainedLine(kind=_KINDS[line.kind], code=line.code, text=line.text)
            for line in told.lines
        ],
        policy_revision=told.policy_revision,
        data_revision=told.data_revision,
        decided=told.decided,
    )
