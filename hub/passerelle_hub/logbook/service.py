"""The servicer of the log: decode, one step, encode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeVar

import grpc.aio

from passerelle.codec.log import event_proof_out, found_out, query_in
from passerelle.codec.signed import hashes_in, proof_out
from passerelle.errors import PasserelleError
from passerelle.note import Note
from passerelle.rpc.interceptor import peer
from passerelle.wire.v1 import transparency_pb2, transparency_pb2_grpc
from passerelle_hub import calls
from passerelle_hub.access import Access
from passerelle_hub.logbook.reading import LogReader
from passerelle_hub.logbook.search import LogSearch
from passerelle_hub.logbook.witnesses import Witnesses

Context = grpc.aio.ServicerContext[Any, Any]
P = ParamSpec("P")
T = TypeVar("T")


class Workers(Protocol):
    """Where blocking work runs (`passerelle_hub.service.Threads`)."""

    async def write(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a step on a write thread."""
        ...

    async def read(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a step on a read thread."""
        ...


class Log(transparency_pb2_grpc.TransparencyServicer):
    """The log, for everyone who checks it."""

    def __init__(
        self,
        *,
        reader: LogReader,
        witnesses: Witnesses,
        search: LogSearch,
        access: Access,
        threads: Workers,
    ) -> None:
        self._reader = reader
        self._search = search
        self._witnesses = witnesses
        self._access = access
        self._threads = threads

    async def Checkpoint(  # noqa: N802 - name of the call
        self, request: transparency_pb2.CheckpointRequest, context: Context
    ) -> transparency_pb2.CheckpointResponse:
        """The newest signed checkpoint and the one offered to witnesses."""
        await self._threads.write(self._access.require, peer(context), calls.CHECKPOINT)
        found = await self._threads.read(self._reader.checkpoints)
        return transparency_pb2.CheckpointResponse(note=found.note, offered=found.offered)

    async def InclusionProof(  # noqa: N802 - name of the call
        self, request: transparency_pb2.InclusionProofRequest, context: Context
    ) -> Any:
        """Where an event stands."""
        caller = peer(context)
        await self._threads.write(self._access.require, caller, calls.INCLUSION)
        found = await self._threads.read(self._reader.prove, caller, [request.audit_event], [])
        if not found.proofs:
            raise PasserelleError("proof_unavailable", "no such event in a tick")
        return proof_out(found.proofs[0].proof)

    async def ConsistencyProof(  # noqa: N802 - name of the call
        self, request: transparency_pb2.ConsistencyProofRequest, context: Context
    ) -> transparency_pb2.ConsistencyProofResponse:
        """That one tree extends another."""
        await self._threads.write(self._access.require, peer(context), calls.CONSISTENCY)
        path = await self._threads.read(self._reader.consistency, request.old_size, request.new_size)
        return transparency_pb2.ConsistencyProofResponse(path=b"".join(path))

    async def Prove(  # noqa: N802 - name of the call
        self, request: transparency_pb2.ProveRequest, context: Context
    ) -> transparency_pb2.ProveResponse:
        """Proofs of several events against one checkpoint."""
        caller = peer(context)
        await self._threads.write(self._access.require, caller, calls.PROVE)
        commitments = hashes_in(request.commitments)
        subjects = tuple(request.subjects)
        found = await self._threads.read(self._reader.prove, caller, commitments, subjects, request.witnesses)
        proofs = [event_proof_out(proof) for proof in found.proofs]
        return transparency_pb2.ProveResponse(note=found.note, proofs=proofs)

    async def Tiles(  # noqa: N802 - name of the call
        self, request: transparency_pb2.TilesRequest, context: Context
    ) -> transparency_pb2.TilesResponse:
        """Tiles by path."""
        await self._threads.write(self._access.require, peer(context), calls.TILES)
        tiles = await self._threads.read(self._reader.tiles, tuple(request.paths))
        return transparency_pb2.TilesResponse(tiles=tiles)

    async def Cosign(  # noqa: N802 - name of the call
        self, request: transparency_pb2.CosignRequest, context: Context
    ) -> transparency_pb2.CosignResponse:
        """A witness's cosignature."""
        caller = peer(context)
        await self._threads.write(self._access.require, caller, calls.COSIGN)
        await self._threads.write(self._witnesses.cosign, caller, Note.parse(request.note))
        return transparency_pb2.CosignResponse()

    async def Search(  # noqa: N802 - name of the call
        self, request: transparency_pb2.SearchRequest, context: Context
    ) -> transparency_pb2.SearchResponse:
        """A page of events."""
        caller, query = peer(context), query_in(request)
        asked = {"kinds": ",".join(query.kinds), "searched": query.actor}
        await self._threads.write(self._access.require, caller, calls.SEARCH, query.purpose, **asked)
        found = await self._threads.read(self._search.page, query)
        return transparency_pb2.SearchResponse(events=[found_out(event) for event in found])


def add_log(server: grpc.aio.Server, log: Log) -> None:
    """Register the servicer."""
    transparency_pb2_grpc.add_TransparencyServicer_to_server(log, server)
