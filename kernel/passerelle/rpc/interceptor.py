"""The one server interceptor: admission for every call, checks for every message, coded errors at the edge.

Rules
-----
1. Messages reach this module as raw bytes and leave it as raw bytes: gRPC is given no serialisers, so
   size, expiry and standing are checked before a byte is parsed, and no parser's exception text can reach
   the peer.
2. Streaming servicers are async generators. `context.read` and `context.write` would go around the checks;
   the context that servicers get refuses them.
3. A `PasserelleError` becomes its status and public text; any other exception becomes `internal` without
   content, and only its type is logged.
4. A call cut by `Gatekeeper.sweep` ends with the code of the refusal, not with a bare cancellation.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, Final, NoReturn, Protocol, TypeAlias, TypeVar, cast

import grpc
import grpc.aio

from passerelle.certificate import PeerCertificate
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.log import get_logger
from passerelle.rpc.rule import CANCELLED, DONE
from passerelle.rpc.status import abort

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_LOG: Final = get_logger("rpc")


class Admitted(Protocol):
    """A call that may run; `passerelle.rpc.admission.Call` says what each member promises."""

    @property
    def certificate(self) -> PeerCertificate | None: ...

    @property
    def refusal(self) -> PasserelleError | None: ...

    def check(self) -> None: ...

    def check_request(self, size: int) -> None: ...


AdmittedT = TypeVar("AdmittedT", bound=Admitted)


class Gate(Protocol[AdmittedT]):
    """Who admits: `passerelle.rpc.admission.Gatekeeper`, or `AnonymousGate` where no certificate is asked."""

    def open(self, method: str, context: Context) -> AdmittedT: ...

    def close(self, call: AdmittedT, outcome: str) -> None: ...

    def sweep(self) -> int: ...


class CallContext:
    """What servicers get as `context`: gRPC's own, with the caller, without unchecked reads and writes."""

    def __init__(self, inner: Context, certificate: PeerCertificate | None) -> None:
        self._inner = inner
        self.certificate = certificate

    def __getattr__(self, name: str) -> Any:
        if name in ("read", "write"):
            raise AttributeError("streaming servicers iterate and yield")
        return getattr(self._inner, name)


def peer(context: object) -> Identity:
    """The verified identity of the caller, for servicers.

    Raises:
        PasserelleError: `internal`, a context that no `Guard` admitted.
    """
    return peer_certificate(context).identity


def peer_certificate(context: object) -> PeerCertificate:
    """The verified certificate of the caller, for servicers.

    Raises:
        PasserelleError: `internal`, a context that no `Guard` admitted, or one without a certificate.
    """
    if not isinstance(context, CallContext) or context.certificate is None:
        raise PasserelleError("internal", "servicer called without admission")
    return context.certificate


class Guard(grpc.aio.ServerInterceptor):  # type: ignore[type-arg] # generic in the stubs only
    """Wraps every servicer of one server."""

    def __init__(self, gate: Gate[Any]) -> None:
        self._gate = gate
        self._wrapped: dict[str, tuple[Handler, Handler]] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """The guarded servicer; an unknown call is refused like one without a rule."""
        method = handler_call_details.method
        handler = cast("Handler | None", await continuation(handler_call_details))
        if handler is None:
            return guarded(self._gate, method, _UNKNOWN)
        known = self._wrapped.get(method)
        if known is None or known[0] is not handler:
            known = self._wrapped[method] = (handler, guarded(self._gate, method, handler))
        return known[1]


def guarded(gate: Gate[Any], method: str, handler: Handler) -> Handler:
    """A handler of the same shape, over raw bytes, with every check around it.

    Raises:
        TypeError: a streaming servicer that is no async generator function.
    """
    inner = _Guarded(gate, method, handler)
    if handler.response_streaming and not inspect.isasyncgenfunction(inner.behaviour):
        raise TypeError(f"{method}: streaming servicers are async generators")
    make = _MAKERS[handler.request_streaming, handler.response_streaming]
    return make(inner.stream if handler.response_streaming else inner.unary)


async def _never(_request: Any, _context: Any) -> NoReturn:
    raise PasserelleError("rpc_unknown", "no such call")


_GRPC: Final[Any] = grpc  # its stubs know synchronous servicers only
_MAKERS: Final[Mapping[tuple[bool, bool], Callable[[Any], Handler]]] = {
    (False, False): _GRPC.unary_unary_rpc_method_handler,
    (False, True): _GRPC.unary_stream_rpc_method_handler,
    (True, False): _GRPC.stream_unary_rpc_method_handler,
    (True, True): _GRPC.stream_stream_rpc_method_handler,
}
_UNKNOWN: Final[Handler] = _MAKERS[False, False](_never)


class _Guarded:
    """One servicer with its checks; `unary` and `stream` by the shape of its answer."""

    def __init__(self, gate: Gate[Any], method: str, handler: Any) -> None:
        self._gate = gate
        self._method = method
        self._streaming: bool = handler.request_streaming
        self._decode: Callable[[bytes], Any] | None = handler.request_deserializer
        self._encode: Callable[[Any], bytes] | None = handler.response_serializer
        self.behaviour: Callable[[Any, Any], Any] = (
            handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
        )

    async def unary(self, incoming: Any, context: Context) -> bytes:
        """A call with one answer."""
        call = await self._open(context)
        try:
            request = self._requests(incoming, call) if self._streaming else self._request(incoming, call)
            response = self._response(await self.behaviour(request, self._context(context, call)), call)
        except BaseException as error:  # noqa: BLE001 - cancellation too must be recorded and told apart
            await self._end(context, call, error)
        self._gate.close(call, DONE)
        return response

    async def stream(self, incoming: Any, context: Context) -> AsyncGenerator[bytes, None]:
        """A call with a stream of answers."""
        call = await self._open(context)
        try:
            request = self._requests(incoming, call) if self._streaming else self._request(incoming, call)
            async with aclosing(self.behaviour(request, self._context(context, call))) as responses:
                async for response in responses:
                    yield self._response(response, call)
        except BaseException as error:  # noqa: BLE001 - cancellation too must be recorded and told apart
            await self._end(context, call, error)
        self._gate.close(call, DONE)

    async def _open(self, context: Context) -> Admitted:
        try:
            admitted: Admitted = self._gate.open(self._method, context)
        except PasserelleError as refusal:
            _LOG.warning("rpc.refused", method=self._method, code=refusal.code, detail=refusal.detail)
            await abort(context, refusal)
        except Exception as error:  # noqa: BLE001 - whatever a hook raises, the call must not start
            await abort(context, self._internal(error))
        return admitted

    def _context(self, context: Context, call: Admitted) -> CallContext:
        return CallContext(context, call.certificate)

    def _request(self, raw: bytes, call: Admitted) -> Any:
        call.check_request(len(raw))
        if self._decode is None:
            return raw
        try:
            return self._decode(raw)
        except Exception as error:
            raise PasserelleError("message_malformed", type(error).__name__) from error

    async def _requests(self, incoming: AsyncIterator[bytes], call: Admitted) -> AsyncGenerator[Any, None]:
        async for raw in incoming:
            yield self._request(raw, call)

    def _response(self, response: Any, call: Admitted) -> bytes:
        call.check()
        encoded: bytes = response if self._encode is None else self._encode(response)
        return encoded

    async def _end(self, context: Context, call: Admitted, error: BaseException) -> NoReturn:
        """Record how a call failed and tell the peer what it may know (rules 3 and 4)."""
        if isinstance(error, asyncio.CancelledError) and call.refusal is not None:
            error = call.refusal
        if isinstance(error, PasserelleError):
            _LOG.info("rpc.failed", method=self._method, code=error.code, detail=error.detail)
            self._gate.close(call, error.code)
            await abort(context, error)
        if isinstance(error, Exception) and not isinstance(error, grpc.aio.AbortError):
            internal = self._internal(error)
            self._gate.close(call, internal.code)
            await abort(context, internal)
        self._gate.close(call, CANCELLED)
        raise error

    def _internal(self, error: Exception) -> PasserelleError:
        _LOG.error("rpc.fault", method=self._method, exception_type=type(error).__name__)
        return PasserelleError("internal", type(error).__name__)
