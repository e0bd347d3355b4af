"""A channel to one expected peer.

Rules
-----
1. gRPC shows a client nothing of the server's certificate, so TLS itself must pin the identity. It does by
   two settings: only the roots of the peer's trust domain are trusted, and the name that TLS verifies is
   `server_name` of the expected identity, whatever address is dialled. The profile ties that DNS name to
   the URI, and only that domain's authority can issue it.
2. A leaf for clients cannot answer as a server: TLS checks the extended key usage.
3. The server refuses anything below TLS 1.3 with the hybrid group; a middle man cannot lower version or
   group unseen (RFC 8446 4.1.3, 4.4).
4. A channel keeps the key and chain it was opened with. After a renewal the side opens a new one and
   closes this.
5. gRPC repeats nothing by itself: what is sent again is decided by the steps, which know what is idempotent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import grpc
import grpc.aio

from passerelle.identity import Identity
from passerelle.rpc.material import TlsMaterial
from passerelle.rpc.rule import FRAME_BYTES

_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class ChannelLimits:
    """What one channel grants and how it waits. `http_proxy`: follow the environment's proxy (CONNECT).

    `connect_seconds` is how long one attempt may take, its handshake with it: a slow line, or a hub that has
    just been started, needs longer than the pause between two attempts.
    """

    message_bytes: int = FRAME_BYTES
    keepalive_seconds: int = 30
    keepalive_timeout_seconds: int = 10
    connect_seconds: float = 5.0
    first_reconnect_seconds: float = 0.5
    last_reconnect_seconds: float = 30.0
    http_proxy: bool = False


def open_channel(
    address: str,
    server: Identity,
    server_roots: bytes,
    material: TlsMaterial | None,
    limits: ChannelLimits | None = None,
) -> grpc.aio.Channel:
    """A channel to `server` at `address` (`host:port`), trusting only `server_roots` (PEM, its domain's).

    Without `material` the caller shows no certificate, which only an anonymous listener takes.

    Connecting happens with the first call; a peer that is not `server` shows as `peer_unavailable`.

    Raises:
        PasserelleError: `tls_material_invalid`, `certificate_malformed`.
    """
    pair = material.read() if material is not None else None
    credentials = grpc.ssl_channel_credentials(
        server_roots, pair.key if pair else None, pair.chain if pair else None
    )
    options = channel_options(server, limits or ChannelLimits())
    return grpc.aio.secure_channel(address, credentials, options=options)


def channel_options(server: Identity, limits: ChannelLimits) -> tuple[tuple[str, int | str], ...]:
    """The pinned name and the limits as gRPC options."""
    return (
        ("grpc.ssl_target_name_override", server.server_name),
        ("grpc.max_receive_message_length", limits.message_bytes),
        ("grpc.max_send_message_length", limits.message_bytes),
        ("grpc.keepalive_time_ms", limits.keepalive_seconds * _MS),
        ("grpc.keepalive_timeout_ms", limits.keepalive_timeout_seconds * _MS),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.initial_reconnect_backoff_ms", int(limits.first_reconnect_seconds * _MS)),
        ("grpc.min_reconnect_backoff_ms", int(limits.connect_seconds * _MS)),  # an attempt's own time
        ("grpc.max_reconnect_backoff_ms", int(limits.last_reconnect_seconds * _MS)),
        ("grpc.compression_enabled_algorithms_bitset", 1),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.enable_retries", 0),
        ("grpc.enable_http_proxy", int(limits.http_proxy)),
    )
