"""A hub's log over gRPC, for connectors and supervisors: encode, call, decode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import grpc.aio

from passerelle.audit.follow import Shown
from passerelle.audit.query import Found, Query
from passerelle.codec.log import event_proof_in, found_in, query_out
from passerelle.codec.signed import hashes_in, signed_in
from passerelle.log_proof import EventProof
from passerelle.note import Note
from passerelle.rpc.status import peer_errors
from passerelle.sign import Signed
from passerelle.wire.v1 import directory_pb2, directory_pb2_grpc, transparency_pb2_grpc
from passerelle.wire.v1 import transparency_pb2 as pb

CALL_SECONDS: Final = 30.0


class GrpcLog:
    """`passerelle.audit.follow.LogPort` over one channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.use(channel)

    def use(self, channel: grpc.aio.Channel) -> None:
        """Make every further call over this channel."""
        self._stub: transparency_pb2_grpc.TransparencyAsyncStub = transparency_pb2_grpc.TransparencyStub(
            channel
        )

    async def checkpoints(self) -> Shown:
        """See `LogPort.checkpoints`."""
        with peer_errors():
            said = await self._stub.Checkpoint(pb.CheckpointRequest(), timeout=CALL_SECONDS)
        return Shown(Note.parse(said.note), Note.parse(said.offered) if said.offered else None)

    async def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """See `LogPort.consistency`."""
        request = pb.ConsistencyProofRequest(old_size=old, new_size=new)
        with peer_errors():
            said = await self._stub.ConsistencyProof(request, timeout=CALL_SECONDS)
        return hashes_in(said.path)

    async def prove(
        self, commitments: Sequence[bytes], subjects: Sequence[str], *, witnesses: int = 0
    ) -> tuple[Note, tuple[EventProof, ...]]:
        """See `LogPort.prove`."""
        request = pb.ProveRequest(commitments=b"".join(commitments), subjects=subjects, witnesses=witnesses)
        with peer_errors():
            said = await self._stub.Prove(request, timeout=CALL_SECONDS)
        return Note.parse(said.note), tuple(event_proof_in(proof) for proof in said.proofs)

    async def search(self, query: Query) -> tuple[Found, ...]:
        """One page of a search.

        Raises:
            PasserelleError: the hub's code, or `peer_unavailable`, `peer_timeout`.
        """
        with peer_errors():
            said = await self._stub.Search(query_out(query), timeout=CALL_SECONDS)
        return tuple(found_in(event) for event in said.events)

    async def cosign(self, note: Note) -> None:
        """See `LogPort.cosign`."""
        with peer_errors():
            await self._stub.Cosign(pb.CosignRequest(note=note.to_bytes()), timeout=CALL_SECONDS)


class GrpcHub(GrpcLog):
    """A hub as its witness sees it: the log, and the registry's entries."""

    def use(self, channel: grpc.aio.Channel) -> None:
        """Make every further call over this channel."""
        super().use(channel)
        self._directory: directory_pb2_grpc.DirectoryAsyncStub = directory_pb2_grpc.DirectoryStub(channel)

    async def entries(self) -> tuple[Signed, ...]:
        """The entries that the hub hands on, not yet verified.

        Raises:
            PasserelleError: the hub's code, or `peer_unavailable`, `peer_timeout`.
        """
        with peer_errors():
            said = await self._directory.Agencies(directory_pb2.AgenciesRequest(), timeout=CALL_SECONDS)
        return tuple(signed_in(entry) for entry in said.entries)
