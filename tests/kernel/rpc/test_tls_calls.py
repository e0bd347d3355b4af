"""Calls over loopback TLS: what admission lets through, refuses and cuts, in all four shapes of call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import grpc
import grpc.aio
import pytest
from patience import PATIENCE

from passerelle.certificate import Usage
from passerelle.clock import DAY
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.rpc.admission import Gatekeeper
from passerelle.rpc.interceptor import peer, peer_certificate
from passerelle.rpc.rule import CallEvent
from passerelle.rpc.sending import streaming
from passerelle.rpc.server import ServerLimits
from passerelle.rpc.status import CODE_KEY, peer_errors
from passerelle_pki.authority import Authority

pytestmark = pytest.mark.integration

HUB = Identity("hub.example", Role.HUB, "centre")
POLICE = Identity("police.example", Role.CONNECTOR, "police")
TRUSTEE = Identity("police.example", Role.TRUSTEE, "police-trustee")
SHAPES = ("UnaryUnary", "UnaryStream", "StreamUnary", "StreamStream")
SECRET = "Jean Dupont 1980-02-29"  # noqa: S105 - stands for content of a record, no password


async def echo(request: bytes, context: Any) -> bytes:
    return request + b" " + str(peer(context)).encode()


async def repeat(request: bytes, context: Any) -> AsyncIterator[bytes]:
    for _ in range(3):
        yield await echo(request, context)


async def join(requests: AsyncIterator[bytes], context: Any) -> bytes:
    return b",".join([await echo(request, context) async for request in requests])


async def each(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
    async for request in requests:
        yield await echo(request, context)


def handlers(**other: Any) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
    given: dict[str, Any] = {
        "UnaryUnary": grpc.unary_unary_rpc_method_handler(echo),
        "UnaryStream": grpc.unary_stream_rpc_method_handler(repeat),
        "StreamUnary": grpc.stream_unary_rpc_method_handler(join),
        "StreamStream": grpc.stream_stream_rpc_method_handler(each),
    }
    return {**given, **other}


async def sending(*messages: bytes) -> AsyncIterator[bytes]:
    for message in messages:
        yield message


async def call(channel: Any, shape: str, message: bytes = b"hello") -> list[bytes]:
    """One call of any shape, failures as coded errors."""
    path = f"/test.Echo/{shape}"
    with peer_errors():
        if shape == "UnaryUnary":
            return [await channel.unary_unary(path)(message, timeout=PATIENCE)]
        if shape == "UnaryStream":
            return [item async for item in channel.unary_stream(path)(message, timeout=PATIENCE)]
        if shape == "StreamUnary":
            start = partial(channel.stream_unary(path), timeout=PATIENCE)
            async with streaming(start, sending(message)) as answer:
                return [await answer]
        start = partial(channel.stream_stream(path), timeout=PATIENCE)
        async with streaming(start, sending(message)) as answers:
            return [item async for item in answers]
    raise AssertionError("a call that ended early")


async def refusal(channel: Any, shape: str = "UnaryUnary", message: bytes = b"hello") -> str:
    with pytest.raises(PasserelleError) as caught:
        await call(channel, shape, message)
    return caught.value.code


@pytest.mark.parametrize("shape", SHAPES)
async def test_an_admitted_call_is_answered_and_audited(world: Any, shape: str) -> None:
    async with world.listening(handlers()) as listener, world.calling(listener) as channel:
        answers = await call(channel, shape)
    assert set(answers) == {b"hello " + str(POLICE).encode()}
    assert len(answers) == (3 if shape == "UnaryStream" else 1)
    assert world.parts.outcomes() == ["opened", "done"]
    assert world.parts.taken == [(POLICE, "control", 0), (POLICE, "control", 5)]


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_message_over_the_limit_of_its_rule_is_refused(world: Any, shape: str) -> None:
    async with world.listening(handlers()) as listener, world.calling(listener) as channel:
        assert await call(channel, shape, b"x" * 1000)
        assert await refusal(channel, shape, b"x" * 1001) == "message_too_large"
    assert world.parts.outcomes()[-2:] == ["opened", "message_too_large"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("code", ["agency_suspended", "certificate_revoked", "agency_unknown"])
async def test_a_party_without_standing_is_refused(world: Any, shape: str, code: str) -> None:
    world.parts.refused[POLICE] = code
    async with world.listening(handlers()) as listener, world.calling(listener) as channel:
        assert await refusal(channel, shape) == code
        world.parts.refused.clear()
        assert await call(channel, shape)
    assert world.parts.outcomes() == [code, "opened", "done"]
    assert world.parts.events[0].caller == POLICE


async def test_a_role_outside_the_rule_is_refused(world: Any, material: Callable[..., Any]) -> None:
    caller = material(world.police, TRUSTEE, Usage.CLIENT)
    async with world.listening(handlers()) as listener, world.calling(listener, caller) as channel:
        assert await refusal(channel) == "role_not_allowed"


async def test_a_call_without_a_rule_is_refused_whether_it_exists_or_not(world: Any) -> None:
    hidden = grpc.unary_unary_rpc_method_handler(echo)
    async with world.listening(handlers(Hidden=hidden)) as listener, world.calling(listener) as channel:
        for name in ("Hidden", "Absent"):
            with pytest.raises(PasserelleError, match="rpc_unknown"), peer_errors():
                await channel.unary_unary(f"/test.Echo/{name}")(b"x", timeout=PATIENCE)
    assert {event.event for event in world.parts.events} == {"rpc.refused"}


async def test_a_call_with_a_rule_and_no_servicer_is_refused_and_audited(world: Any) -> None:
    async with world.listening({}) as listener, world.calling(listener) as channel:
        assert await refusal(channel) == "rpc_unknown"
    assert world.parts.outcomes() == ["opened", "rpc_unknown"]


async def test_the_cache_of_verified_certificates_is_bounded(
    world: Any, material: Callable[..., Any]
) -> None:
    parts = world.parts
    world.gate = Gatekeeper(world.gate.rules, parts, parts, parts, parts, parts.clock, cached=1)
    serving = world.listening(handlers())
    async with serving as listener, world.calling(listener) as one, world.calling(listener) as other:
        for channel in (one, other, one, other):
            assert await call(channel, "UnaryUnary")
    assert parts.outcomes() == ["opened", "done"] * 4


async def test_an_authority_cannot_mint_another_agencys_identity(
    world: Any, authority: Callable[[str], Authority], material: Callable[..., Any]
) -> None:
    """Customs' authority names police: TLS takes it, since its root is in the bundle; admission does not."""
    rogue = authority("police.example")
    world.parts.domains["customs.example"] = rogue.roots
    caller = material(rogue, POLICE, Usage.CLIENT)
    async with world.listening(handlers()) as listener, world.calling(listener, caller) as channel:
        assert await refusal(channel) == "certificate_untrusted"
    assert world.parts.events[0].caller is None


async def test_a_domain_that_leaves_the_registry_is_refused_on_its_open_connection(world: Any) -> None:
    async with world.listening(handlers()) as listener, world.calling(listener) as channel:
        assert await call(channel, "UnaryUnary")
        del world.parts.domains["police.example"]
        assert await refusal(channel) == "trust_domain_unknown"


async def test_new_roots_of_a_domain_hold_on_its_open_connection(
    world: Any, authority: Callable[[str], Authority]
) -> None:
    async with world.listening(handlers()) as listener, world.calling(listener) as channel:
        assert await call(channel, "UnaryUnary")
        world.parts.domains["police.example"] = authority("police.example").roots
        assert await refusal(channel) == "certificate_untrusted"


async def test_a_certificate_that_expires_on_an_open_connection_is_refused(world: Any) -> None:
    async with world.listening(handlers()) as listener, world.calling(listener) as channel:
        assert await call(channel, "UnaryUnary")
        world.parts.clock.advance(7 * DAY)
        assert await refusal(channel) == "certificate_expired"


async def test_a_running_stream_is_cut_at_the_next_message(world: Any) -> None:
    async with world.listening(handlers()) as listener, world.calling(listener) as channel:
        stream = channel.stream_stream("/test.Echo/StreamStream")(timeout=PATIENCE)
        await stream.write(b"one")
        assert (await stream.read()).startswith(b"one ")
        world.parts.refused[POLICE] = "certificate_revoked"
        with pytest.raises(PasserelleError, match="certificate_revoked"), peer_errors():
            await stream.write(b"two")
            await stream.read()
    assert world.parts.outcomes() == ["opened", "certificate_revoked"]


async def test_a_stream_of_answers_is_cut_at_the_next_answer(world: Any) -> None:
    go = asyncio.Event()

    async def waiting(_request: bytes, _context: Any) -> AsyncIterator[bytes]:
        yield b"one"
        await go.wait()
        yield b"two"

    slow = handlers(UnaryStream=grpc.unary_stream_rpc_method_handler(waiting))
    async with world.listening(slow) as listener, world.calling(listener) as channel:
        stream = channel.unary_stream("/test.Echo/UnaryStream")(b"x", timeout=PATIENCE)
        assert await stream.read() == b"one"
        world.parts.refused[POLICE] = "agency_suspended"
        go.set()
        with pytest.raises(PasserelleError, match="agency_suspended"), peer_errors():
            await stream.read()


async def test_an_idle_stream_is_cut_by_the_sweep(world: Any) -> None:
    """Nothing moves on it: neither a message nor an answer would meet the check."""
    limits = ServerLimits(recheck_seconds=0.05)
    async with world.listening(handlers(), limits) as listener, world.calling(listener) as channel:
        stream = channel.stream_stream("/test.Echo/StreamStream")(timeout=PATIENCE)
        await stream.write(b"one")
        await stream.read()
        await asyncio.sleep(0.12)  # sweeps that find nothing wrong change nothing
        assert world.parts.outcomes() == ["opened"]
        world.parts.refused[POLICE] = "agency_suspended"
        with pytest.raises(PasserelleError, match="agency_suspended"), peer_errors():
            await stream.read()
    assert world.parts.outcomes() == ["opened", "agency_suspended"]


async def test_a_servicer_that_swallows_a_refusal_gains_nothing(world: Any) -> None:
    async def stubborn(requests: AsyncIterator[bytes], _context: Any) -> bytes:
        try:
            async for _ in requests:
                pass
        except PasserelleError:
            world.parts.refused.clear()
        return b"fine"

    other = handlers(StreamUnary=grpc.stream_unary_rpc_method_handler(stubborn))
    async with world.listening(other) as listener, world.calling(listener) as channel:
        assert await refusal(channel, "StreamUnary", b"x" * 1001) == "message_too_large"


@pytest.mark.parametrize("shape", SHAPES)
async def test_an_exception_of_a_servicer_shows_nothing(world: Any, shape: str) -> None:
    def fail(*_: Any) -> bytes:
        raise ValueError(SECRET)

    async def unary(_request: Any, _context: Any) -> bytes:
        return fail()

    async def stream(_request: Any, _context: Any) -> AsyncIterator[bytes]:
        yield fail()

    make = getattr(grpc, f"{shape.replace('y', 'y_').replace('m', 'm_').lower()}rpc_method_handler")
    failing = handlers(**{shape: make(stream if shape.endswith("Stream") else unary)})
    async with world.listening(failing) as listener, world.calling(listener) as channel:
        with pytest.raises(PasserelleError) as caught:
            await call(channel, shape)
    cause = caught.value.__cause__
    assert isinstance(cause, grpc.aio.AioRpcError)
    assert caught.value.code == "internal"
    assert SECRET not in f"{cause.details()} {cause.debug_error_string()} {cause.trailing_metadata()}"
    assert world.parts.outcomes() == ["opened", "internal"]


async def test_what_a_parser_says_stays_here(world: Any) -> None:
    def parse(_raw: bytes) -> bytes:
        raise ValueError(SECRET)

    strict = handlers(UnaryUnary=grpc.unary_unary_rpc_method_handler(echo, parse))
    async with world.listening(strict) as listener, world.calling(listener) as channel:
        assert await refusal(channel) == "message_malformed"


async def test_a_coded_error_travels_with_its_public_text(world: Any) -> None:
    async def refuse(_request: bytes, _context: Any) -> bytes:
        raise PasserelleError("batch_replayed", SECRET)

    other = handlers(UnaryUnary=grpc.unary_unary_rpc_method_handler(refuse))
    async with world.listening(other) as listener, world.calling(listener) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary("/test.Echo/UnaryUnary")(b"x", timeout=PATIENCE)
    error = caught.value
    assert error.code() is grpc.StatusCode.ALREADY_EXISTS
    assert error.details() == PasserelleError("batch_replayed").spec.public
    trailing: Any = error.trailing_metadata()
    assert dict(trailing)[CODE_KEY] == "batch_replayed"
    assert SECRET not in repr(error)


async def test_a_spent_budget_refuses_the_call(world: Any) -> None:
    world.parts.budget = 7
    async with world.listening(handlers()) as listener, world.calling(listener) as channel:
        assert await call(channel, "UnaryUnary")
        assert await refusal(channel) == "quota_exceeded"


async def test_a_call_is_refused_where_it_cannot_be_audited(world: Any) -> None:
    def full(_event: Any) -> None:
        raise OSError("no space")

    world.parts.record = full
    async with world.listening(handlers()) as listener, world.calling(listener) as channel:
        assert await refusal(channel) == "internal"


async def test_an_end_that_cannot_be_audited_shows_nothing(world: Any) -> None:
    record = world.parts.record

    def full(event: CallEvent) -> None:
        if event.outcome != "opened":
            raise OSError(SECRET)
        record(event)

    world.parts.record = full
    async with world.listening(handlers()) as listener, world.calling(listener) as channel:
        assert await call(channel, "UnaryUnary")
    assert world.parts.outcomes() == ["opened"]


async def test_a_standing_that_fails_refuses_and_cuts(world: Any) -> None:
    def broken(_identity: Identity, _serial: int) -> None:
        raise LookupError(SECRET)

    limits = ServerLimits(recheck_seconds=0.05)
    async with world.listening(handlers(), limits) as listener, world.calling(listener) as channel:
        stream = channel.stream_stream("/test.Echo/StreamStream")(timeout=PATIENCE)
        await stream.write(b"one")
        await stream.read()
        world.parts.check = broken
        with pytest.raises(PasserelleError, match="internal"), peer_errors():
            await stream.read()
        assert await refusal(channel) == "internal"


async def test_a_caller_that_leaves_is_recorded(world: Any) -> None:
    left = asyncio.Event()

    async def wait(_request: bytes, _context: Any) -> AsyncIterator[bytes]:
        yield b"one"
        try:
            await asyncio.sleep(30)
        finally:
            left.set()

    slow = handlers(UnaryStream=grpc.unary_stream_rpc_method_handler(wait))
    async with world.listening(slow) as listener, world.calling(listener) as channel:
        stream = channel.unary_stream("/test.Echo/UnaryStream")(b"x", timeout=PATIENCE)
        await stream.read()
        stream.cancel()
        await asyncio.wait_for(left.wait(), PATIENCE)
        await asyncio.sleep(0)
    assert world.parts.outcomes() == ["opened", "cancelled"]


async def test_servicers_cannot_go_around_the_checks(world: Any) -> None:
    async def around(_request: bytes, context: Any) -> bytes:
        assert peer_certificate(context).usage is Usage.CLIENT
        assert context.time_remaining() > 0
        assert not hasattr(context, "read")
        assert not hasattr(context, "write")
        return b"checked"

    other = handlers(UnaryUnary=grpc.unary_unary_rpc_method_handler(around))
    async with world.listening(other) as listener, world.calling(listener) as channel:
        assert await call(channel, "UnaryUnary") == [b"checked"]


async def test_handlers_that_generated_code_registers_are_guarded_too(world: Any) -> None:
    world.parts.refused[POLICE] = "agency_suspended"
    async with world.listening(handlers()) as listener:
        listener.server.add_registered_method_handlers("test.Echo", handlers())
        async with world.calling(listener) as channel:
            assert await refusal(channel) == "agency_suspended"
