"""Connections: a channel reaches exactly its peer, weak TLS is refused, renewal needs no restart."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from patience import PATIENCE

from passerelle.certificate import Usage
from passerelle.csr import key_pem, make_request, new_key
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.keyfile import write_private
from passerelle.rpc.channel import ChannelLimits
from passerelle.rpc.material import FileMaterial, MemoryMaterial, TlsBytes
from passerelle.rpc.server import ReloadingTls, ServerLimits, create_server
from passerelle.rpc.status import peer_errors
from passerelle_pki.authority import Authority

pytestmark = pytest.mark.integration

HUB = Identity("hub.example", Role.HUB, "centre")
OTHER_HUB = Identity("hub.example", Role.HUB, "annex")
POLICE = Identity("police.example", Role.CONNECTOR, "police")
METHOD = "/test.Echo/UnaryUnary"
Make = Callable[[Authority, Identity, Usage], MemoryMaterial]


async def echo(request: bytes, _context: Any) -> bytes:
    return request


HANDLERS = {"UnaryUnary": grpc.unary_unary_rpc_method_handler(echo)}


async def code(world: Any, listener: Any, **calling: Any) -> str:
    """The outcome of one call: `ok` or a code."""
    async with world.calling(listener, **calling) as channel:
        try:
            with peer_errors():
                await channel.unary_unary(METHOD)(b"x", timeout=PATIENCE)
        except PasserelleError as error:
            return error.code
    return "ok"


async def test_a_channel_reaches_the_server_it_names_and_no_other(
    world: Any, authority: Callable[[str], Authority]
) -> None:
    """Another identity of the same domain, and the same identity under other roots, are both refused."""
    async with world.listening(HANDLERS) as listener:
        assert await code(world, listener) == "ok"
        assert await code(world, listener, server=OTHER_HUB) == "peer_unavailable"
        assert await code(world, listener, server=POLICE) == "peer_unavailable"
        assert await code(world, listener, roots=authority("hub.example").roots) == "peer_unavailable"
        assert await code(world, listener, roots=world.police.roots) == "peer_unavailable"
    assert world.parts.outcomes() == ["opened", "done"]


@dataclass
class Slow:
    """A line to a listener that holds back all bytes for some seconds."""

    port: int


@asynccontextmanager
async def slow_line(listener: Any, seconds: float) -> AsyncIterator[Slow]:
    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65_536):
            writer.write(piece)
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        there, back = await asyncio.open_connection("127.0.0.1", listener.port)
        with suppress(OSError):
            await asyncio.gather(carry(reader, back), carry(there, writer))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield Slow(server.sockets[0].getsockname()[1])


async def test_a_slow_handshake_is_waited_for(world: Any) -> None:
    """An attempt may take longer than the pause before the next one, as with a hub that has just started."""
    async with world.listening(HANDLERS) as listener, slow_line(listener, 1.0) as line:
        assert await code(world, line) == "ok"


async def test_leaves_serve_only_the_side_they_are_made_for(world: Any, material: Make) -> None:
    client_leaf = material(world.hub, HUB, Usage.CLIENT)
    async with world.listening(HANDLERS, server=client_leaf) as listener:
        assert await code(world, listener) == "peer_unavailable"
    trustee = Identity("police.example", Role.TRUSTEE, "police")
    server_leaf = material(world.police, trustee, Usage.SERVER)
    async with world.listening(HANDLERS) as listener:
        assert await code(world, listener, caller=server_leaf) == "peer_unavailable"
    assert world.parts.events == []


async def test_an_authority_that_nobody_registered_is_refused_by_tls(
    world: Any, authority: Callable[[str], Authority], material: Make
) -> None:
    stranger = material(authority("police.example"), POLICE, Usage.CLIENT)
    async with world.listening(HANDLERS) as listener:
        assert await code(world, listener, caller=stranger) == "peer_unavailable"
    assert world.parts.events == []


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _header(name: bytes, value: bytes) -> bytes:
    """One field without indexing and without Huffman code (RFC 7541 6.2.2)."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def _grpc_call() -> bytes:
    """One unary call as raw HTTP/2: preface, settings, headers, one empty message."""
    fields = [
        (b":method", b"POST"),
        (b":scheme", b"https"),
        (b":path", METHOD.encode()),
        (b":authority", b"hub"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
    ]
    headers = b"".join(_header(name, value) for name, value in fields)
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(4, 0, 0, b"")
    return preface + _frame(1, 4, 1, headers) + _frame(0, 1, 1, bytes(5))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_without_the_hybrid_group_is_refused(
    world: Any, material: Make, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """gRPC itself takes TLS 1.2 and a classical group; the interceptor does not."""
    pair = material(world.police, POLICE, Usage.CLIENT).read()
    file = tmp_path / "pair.pem"
    write_private(file, pair.key + pair.chain)
    context = ssl.create_default_context(cadata=world.hub.roots.decode())
    context.minimum_version = context.maximum_version = version
    context.set_ecdh_curve("prime256v1")
    context.load_cert_chain(file)
    context.set_alpn_protocols(["h2"])
    async with world.listening(HANDLERS) as listener:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", listener.port, ssl=context, server_hostname=HUB.server_name
        )
        writer.write(_grpc_call())
        answer = b""
        while b"passerelle-code" not in answer:
            piece = await asyncio.wait_for(reader.read(4096), PATIENCE)
            assert piece, "the listener closed the connection without an answer"
            answer += piece
        writer.close()
    assert b"tls_too_weak" in answer
    assert world.parts.outcomes() == ["tls_too_weak"]


class Renewing:
    """Material that a test replaces, as renewal does."""

    def __init__(self, current: MemoryMaterial) -> None:
        self.current: MemoryMaterial | None = current

    def read(self) -> TlsBytes:
        if self.current is None:
            raise PasserelleError("tls_material_invalid", "half replaced")
        return self.current.read()


async def test_a_listener_follows_its_material_without_restart(world: Any, material: Make) -> None:
    renewing = Renewing(material(world.hub, HUB, Usage.SERVER))
    async with world.listening(HANDLERS, server=renewing) as listener:
        assert await code(world, listener) == "ok"
        renewing.current = material(world.hub, OTHER_HUB, Usage.SERVER)
        assert await code(world, listener) == "peer_unavailable"
        assert await code(world, listener, server=OTHER_HUB) == "ok"
        renewing.current = None
        assert await code(world, listener, server=OTHER_HUB) == "ok"


def test_material_is_handed_over_only_where_it_changed(world: Any, material: Make) -> None:
    renewing = Renewing(material(world.hub, HUB, Usage.SERVER))
    reloading = ReloadingTls(renewing, world.parts)
    assert reloading.fetch() is None
    renewing.current = material(world.hub, HUB, Usage.SERVER)
    assert reloading.fetch() is not None
    assert reloading.fetch() is None
    world.parts.domains["more.example"] = world.hub.roots
    assert reloading.fetch() is not None
    renewing.current = None
    assert reloading.fetch() is None


async def test_a_listener_that_never_started_can_be_stopped(world: Any, material: Make) -> None:
    listener = create_server("127.0.0.1:0", world.gate, material(world.hub, HUB, Usage.SERVER))
    await listener.stop(0)
    assert await code(world, listener, limits=ChannelLimits(connect_seconds=0.5)) == "peer_unavailable"


async def test_a_listener_follows_the_roots_without_restart(
    world: Any, authority: Callable[[str], Authority], material: Make
) -> None:
    customs = authority("customs.example")
    caller = material(customs, Identity("customs.example", Role.CONNECTOR, "customs"), Usage.CLIENT)
    async with world.listening(HANDLERS) as listener:
        assert await code(world, listener, caller=caller) == "peer_unavailable"
        world.parts.domains["customs.example"] = customs.roots
        assert await code(world, listener, caller=caller) == "ok"


async def test_a_taken_port_is_refused(world: Any, material: Make) -> None:
    server = material(world.hub, HUB, Usage.SERVER)
    async with world.listening(HANDLERS) as listener:
        with pytest.raises(PasserelleError, match="listen_failed"):
            create_server(f"127.0.0.1:{listener.port}", world.gate, server)


async def test_a_listener_without_any_domain_does_not_start(world: Any, material: Make) -> None:
    server = material(world.hub, HUB, Usage.SERVER)
    world.parts.domains.clear()
    with pytest.raises(PasserelleError, match="tls_material_invalid"):
        create_server("127.0.0.1:0", world.gate, server)


async def test_a_message_over_the_limit_of_the_listener_never_reaches_python(world: Any) -> None:
    limits = ServerLimits(message_bytes=2000)
    async with world.listening(HANDLERS, limits) as listener, world.calling(listener) as channel:
        with pytest.raises(PasserelleError, match="message_too_large"), peer_errors():
            await channel.unary_unary(METHOD)(b"x" * 3000, timeout=PATIENCE)
    assert "done" not in world.parts.outcomes()


async def test_nobody_answering_is_told_apart_from_a_late_answer(world: Any) -> None:
    async def slow(_request: bytes, _context: Any) -> AsyncIterator[bytes]:
        await asyncio.sleep(30)
        yield b""

    late = {"UnaryStream": grpc.unary_stream_rpc_method_handler(slow)}
    async with world.listening(late) as listener, world.calling(listener) as channel:
        with pytest.raises(PasserelleError, match="peer_timeout"), peer_errors():
            await channel.unary_stream("/test.Echo/UnaryStream")(b"x", timeout=0.1).read()
    assert await code(world, listener) == "peer_unavailable"


def test_key_and_chain_files_must_match_and_be_private(world: Any, tmp_path: Path) -> None:
    key, other = new_key(), new_key()
    chain = world.police.issue_leaf(POLICE, make_request(key, POLICE, Usage.CLIENT), Usage.CLIENT)
    files = FileMaterial(tmp_path / "key.pem", tmp_path / "chain.pem")
    write_private(files.key, key_pem(key))
    with pytest.raises(PasserelleError, match="tls_material_invalid"):
        files.read()
    files.chain.write_bytes(chain)
    assert files.read() == TlsBytes(key_pem(key), chain)
    assert "PRIVATE" not in repr(files.read())
    write_private(files.key, key_pem(other), replace=True)
    with pytest.raises(PasserelleError, match="tls_material_invalid"):
        files.read()
    write_private(files.key, b"no key", replace=True)
    with pytest.raises(PasserelleError, match="tls_material_invalid"):
        files.read()
    files.key.chmod(0o640)
    with pytest.raises(PasserelleError, match="key_file_permissions"):
        files.read()
