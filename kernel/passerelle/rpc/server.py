"""A listener: TLS with a client certificate required, limits, and one interceptor before every servicer.

`create_anonymous_server` makes the other kind, which never asks for a certificate: one port cannot be both.

Rules
-----
1. TLS here only proves that some registered authority issued the caller's certificate. Which authority,
   which identity and whether it may call is decided in `passerelle.rpc.admission`, for each call and each
   message.
2. gRPC has no setting for a minimum TLS version and accepts TLS 1.2; admission refuses such connections.
3. Key, chain and roots are fetched again for every handshake; a half-replaced or unreadable pair leaves
   the previous one in use and is logged.
4. Connections end after `connection_age_seconds`, so that nothing that TLS checked once is trusted for
   longer. Callers open them again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

import grpc
import grpc.aio

from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle.rpc.admission import Gatekeeper
from passerelle.rpc.anonymous import AnonymousGate
from passerelle.rpc.interceptor import Gate, Guard
from passerelle.rpc.material import TlsBytes, TlsMaterial
from passerelle.rpc.rule import FRAME_BYTES, Trust

_LOG: Final = get_logger("rpc")
_AIO: Final[Any] = grpc.aio  # its stubs leave `server` half typed
_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What one listener grants. `recheck_seconds` bounds how long an idle stream outlives a suspension."""

    message_bytes: int = FRAME_BYTES
    metadata_bytes: int = 8 * 1024
    streams_per_connection: int = 128
    connection_age_seconds: int = 3600
    connection_grace_seconds: int = 30
    keepalive_seconds: int = 30
    keepalive_timeout_seconds: int = 10
    recheck_seconds: float = 15.0
    share_port: bool = False


class Listener:
    """A server on its port. Servicers are added to `server` before `start`."""

    def __init__(self, server: grpc.aio.Server, port: int, gate: Gate[Any], recheck_seconds: float) -> None:
        self.server = server
        self.port = port
        self._gate = gate
        self._recheck_seconds = recheck_seconds
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Accept connections."""
        await self.server.start()
        self._sweeper = asyncio.create_task(self._sweep())

    async def stop(self, grace: float = 5.0) -> None:
        """Refuse new calls, give running ones `grace` seconds, then cancel them."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        await self.server.stop(grace)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self._recheck_seconds)
            if cut := self._gate.sweep():
                _LOG.warning("rpc.cut", waiting=cut)


def create_server(
    address: str, gate: Gatekeeper, material: TlsMaterial, limits: ServerLimits | None = None
) -> Listener:
    """A listener on `address` (`host:port`; port 0 for any). What stands before servicers is named here.

    Raises:
        PasserelleError: `listen_failed`, `tls_material_invalid`, `certificate_malformed`.
    """
    return _create(address, gate, ReloadingTls(material, gate.trust).credentials(), limits or ServerLimits())


def create_anonymous_server(address: str, gate: AnonymousGate, material: TlsMaterial) -> Listener:
    """A listener that never asks for a client certificate; see `passerelle.rpc.anonymous`.

    Raises:
        PasserelleError: `listen_failed`, `tls_material_invalid`, `certificate_malformed`.
    """
    return _create(address, gate, ReloadingTls(material, None).credentials(), ServerLimits())


def _create(
    address: str, gate: Gate[Any], credentials: grpc.ServerCredentials, limits: ServerLimits
) -> Listener:
    server: grpc.aio.Server = _AIO.server(interceptors=(Guard(gate),), options=server_options(limits))
    try:
        port = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise PasserelleError("listen_failed", address) from error
    return Listener(server, port, gate, limits.recheck_seconds)


class ReloadingTls:
    """Key, chain and roots of a listener, read again for every handshake (rule 3).

    Without `trust` no caller is asked for a certificate.

    Raises:
        PasserelleError: `tls_material_invalid`, `certificate_malformed`; at the start only.
    """

    def __init__(self, material: TlsMaterial, trust: Trust | None) -> None:
        self._material = material
        self._trust = trust
        self._current = self._read()

    def credentials(self) -> grpc.ServerCredentials:
        """TLS that asks every caller for a certificate, or none."""
        fetch = cast("Callable[[], grpc.ServerCertificateConfiguration]", self.fetch)  # None: unchanged
        return grpc.dynamic_ssl_server_credentials(
            _configuration(*self._current), fetch, require_client_authentication=self._trust is not None
        )

    def fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """The material if it changed since the last handshake; gRPC calls this in threads of its own."""
        try:
            latest = self._read()
        except PasserelleError as error:
            _LOG.error("tls.reload_failed", code=error.code, detail=error.detail)
            return None
        if latest == self._current:
            return None
        self._current = latest
        return _configuration(*latest)

    def _read(self) -> tuple[TlsBytes, bytes | None]:
        pair, roots = self._material.read(), None if self._trust is None else self._trust.bundle()
        if roots == b"":
            raise PasserelleError("tls_material_invalid", "no trust domain is registered")
        return pair, roots


def server_options(limits: ServerLimits) -> tuple[tuple[str, int], ...]:
    """The limits as gRPC options. Compression is off: secrets and chosen text share messages."""
    return (
        ("grpc.max_receive_message_length", limits.message_bytes),
        ("grpc.max_send_message_length", limits.message_bytes),
        ("grpc.max_metadata_size", limits.metadata_bytes),
        ("grpc.absolute_max_metadata_size", 2 * limits.metadata_bytes),
        ("grpc.max_concurrent_streams", limits.streams_per_connection),
        ("grpc.max_connection_age_ms", limits.connection_age_seconds * _MS),
        ("grpc.max_connection_age_grace_ms", limits.connection_grace_seconds * _MS),
        ("grpc.keepalive_time_ms", limits.keepalive_seconds * _MS),
        ("grpc.keepalive_timeout_ms", limits.keepalive_timeout_seconds * _MS),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", limits.keepalive_timeout_seconds * _MS),
        ("grpc.compression_enabled_algorithms_bitset", 1),
        ("grpc.so_reuseport", int(limits.share_port)),
    )


def _configuration(pair: TlsBytes, roots: bytes | None) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(pair.key, pair.chain)], roots)
