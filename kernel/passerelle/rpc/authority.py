"""Calls to an authority's anonymous listener: enrolment, renewal, the list of revoked certificates.

One connection for each call, since calls are minutes or days apart. The channel pins the authority's identity
and roots (`passerelle.rpc.channel`); who asks is shown by code, ticket or signature in the message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import grpc.aio

from passerelle.codec.signed import signed_in, signed_out
from passerelle.rpc.status import peer_errors
from passerelle.sign import Signed
from passerelle.welcome import EnrolmentStatus, TrusteeAddress, Welcome
from passerelle.wire.v1 import enrolment_pb2, enrolment_pb2_grpc

CALL_SECONDS: Final = 30.0


class EnrolmentPort(Protocol):
    """What renewal needs of an authority."""

    async def renew(self, signed: Signed) -> bytes:
        """The chain (PEM) for a signed request, not yet verified.

        Raises:
            PasserelleError: the authority's code, or `peer_unavailable`, `peer_timeout`.
        """
        ...

    async def status(self) -> tuple[str, int]:
        """The authority's identity, as it says, and its clock in microseconds UTC.

        Raises:
            PasserelleError: the authority's code, or `peer_unavailable`, `peer_timeout`.
        """
        ...


class AuthorityClient:
    """An authority's calls; each raises its code, `peer_unavailable` or `peer_timeout`."""

    def __init__(self, connect: Callable[[], grpc.aio.Channel]) -> None:
        self._connect = connect

    async def renew(self, signed: Signed) -> bytes:
        """See `EnrolmentPort.renew`."""
        async with self._connect() as channel:
            with peer_errors():
                request = enrolment_pb2.RenewRequest(request=signed_out(signed))
                said = await _stub(channel).Renew(request, timeout=CALL_SECONDS)
        return said.chain

    async def status(self) -> tuple[str, int]:
        """See `EnrolmentPort.status`."""
        async with self._connect() as channel:
            with peer_errors():
                said = await _stub(channel).Status(enrolment_pb2.StatusRequest(), timeout=CALL_SECONDS)
        return said.authority, said.time

    async def enrol(self, code: str, request: bytes, manifest: bytes) -> tuple[bytes, bytes]:
        """Ask to be taken in; the ticket for `progress`, and the digest of what was asked."""
        async with self._connect() as channel:
            with peer_errors():
                message = enrolment_pb2.EnrolRequest(code=code, request=request, manifest=manifest)
                said = await _stub(channel).Enrol(message, timeout=CALL_SECONDS)
        return said.ticket, said.digest

    async def progress(self, ticket: bytes) -> EnrolmentStatus:
        """How far the enrolment of a ticket is; not yet verified."""
        async with self._connect() as channel:
            with peer_errors():
                request = enrolment_pb2.StatusRequest(ticket=ticket)
                said = await _stub(channel).Status(request, timeout=CALL_SECONDS)
        welcome = welcome_in(said.welcome) if said.HasField("welcome") else None
        return EnrolmentStatus(said.state, said.chain, welcome)

    async def announce(self, manifest: Signed) -> int:
        """Have our next key manifest published; the revision of the entry that holds it."""
        async with self._connect() as channel:
            with peer_errors():
                request = enrolment_pb2.AnnounceRequest(manifest=signed_out(manifest))
                said = await _stub(channel).Announce(request, timeout=CALL_SECONDS)
        return said.revision

    async def revocations(self) -> tuple[str, bytes]:
        """The trust domain, as the authority says, and its list (PEM), not yet verified."""
        async with self._connect() as channel:
            with peer_errors():
                request = enrolment_pb2.RevocationsRequest()
                said = await _stub(channel).Revocations(request, timeout=CALL_SECONDS)
        return said.trust_domain, said.list


def welcome_out(welcome: Welcome) -> enrolment_pb2.Welcome:
    """A welcome as its wire message."""
    return enrolment_pb2.Welcome(
        registry_key=welcome.registry_key,
        entries=[signed_out(entry) for entry in welcome.entries],
        hub_agency=welcome.hub_agency,
        hub_address=welcome.hub_address,
        trustees=[
            enrolment_pb2.TrusteeAddress(index=one.index, agency=one.agency, address=one.address)
            for one in welcome.trustees
        ],
        group_keys=welcome.group_keys,
        domain=welcome.domain,
    )


def welcome_in(message: enrolment_pb2.Welcome) -> Welcome:
    """A welcome from its wire message; not yet verified."""
    return Welcome(
        registry_key=message.registry_key,
        entries=tuple(signed_in(entry) for entry in message.entries),
        hub_agency=message.hub_agency,
        hub_address=message.hub_address,
        trustees=tuple(TrusteeAddress(one.index, one.agency, one.address) for one in message.trustees),
        group_keys=message.group_keys,
        domain=message.domain,
    )


def _stub(channel: grpc.aio.Channel) -> enrolment_pb2_grpc.EnrolmentAsyncStub:
    stub: enrolment_pb2_grpc.EnrolmentAsyncStub = enrolment_pb2_grpc.EnrolmentStub(channel)
    return stub
