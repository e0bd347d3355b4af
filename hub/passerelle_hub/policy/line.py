"""A kept connection to an OPA server, by TCP, TLS or Unix socket, under one deadline for the whole call.

The client's own transport takes its time-out for each read, so that a server which sends one byte now and
then holds a caller for ever. Here
(1) the deadline is set when the call begins;
(2) connecting, the handshake, every write and every read get what is left of it, and nothing once it is over;
(3) a call that fails in any way closes the connection, so that the rest of its answer is never taken for the
    next;
(4) an answer of more than `MAX_ANSWER` bytes is a failure.

Nothing is sent a second time. A connection that the server closed while it was idle is replaced before the
call. One line serves one thread. No proxy and no compression: an answer on this machine is not worth packing.
"""

from __future__ import annotations

import http.client
import io
import select
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Final

import requests
from requests.adapters import BaseAdapter

MAX_ANSWER: Final = 64 * 1024 * 1024
_PIECE: Final = 1 << 18

Connect = Callable[[float], socket.socket]
"""Opens a connection within so many seconds."""


class Line(BaseAdapter):
    """What `requests` sends through; `seconds` are for one call as a whole."""

    def __init__(self, connect: Connect, seconds: float) -> None:
        super().__init__()
        self._connect = connect
        self._seconds = seconds
        self._held: _Connection | None = None

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002 - an answer is read whole
        timeout: object = None,  # noqa: ARG002 - the deadline is the line's own
        verify: bool | str = True,  # noqa: ARG002 - `connect` knows
        cert: object = None,  # noqa: ARG002 - `connect` knows
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002 - there is none
    ) -> requests.Response:
        """One call.

        Raises:
            requests.Timeout: the deadline is over.
            requests.ConnectionError: anything else that went wrong on the way.
        """
        due = time.monotonic() + self._seconds  # (1)
        try:
            held = self._ready()
            answer, body = held.ask(request, due)
        except TimeoutError as error:
            self.close()  # (3)
            raise requests.Timeout(f"no answer within {self._seconds} s") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise requests.ConnectionError(type(error).__name__) from error
        except BaseException:
            self.close()
            raise
        if answer.will_close:
            self.close()
        return _response(request, answer, body)

    def _ready(self) -> _Connection:
        """The connection that is held, or a new one where there is none or the server has closed it."""
        if self._held is not None and self._held.is_stale():
            self.close()
        if self._held is None:
            self._held = _Connection(self._connect)
        return self._held

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        held, self._held = self._held, None
        if held is not None:
            held.close()


class _Connection(http.client.HTTPConnection):
    """HTTP over a socket that knows when the call is due."""

    def __init__(self, opener: Connect) -> None:
        super().__init__("opa")
        self._opener = opener
        self._due = 0.0
        self._timed: _Timed | None = None

    def connect(self) -> None:
        """Called by the first request."""
        self._timed = _Timed(self._opener(_left(self._due)), self._due)
        self.sock = self._timed

    def is_stale(self) -> bool:
        """Whether the other side has closed it, or has sent what nobody asked for."""
        return self._timed is not None and self._timed.is_readable()

    def ask(self, request: requests.PreparedRequest, due: float) -> tuple[http.client.HTTPResponse, bytes]:
        """Send one request and read its answer whole."""
        self._due = due
        if self._timed is not None:
            self._timed.due = due
        asked = request.body if isinstance(request.body, bytes) else None  # JSON is; a health check has none
        self.request(str(request.method), request.path_url, asked, dict(request.headers))
        answer = self.getresponse()
        body = answer.read(MAX_ANSWER + 1)
        if len(body) > MAX_ANSWER:
            raise ValueError("an answer too long")  # (4)
        answer.read()  # the end mark of an answer in chunks
        return answer, body


class _Timed:
    """The few methods of a socket that `http.client` uses, each within what is left of the deadline (2)."""

    def __init__(self, peer: socket.socket, due: float) -> None:
        self._peer = peer
        self.due = due

    def sendall(self, data: bytes) -> None:
        """Write all of it."""
        rest = memoryview(data)
        while rest:
            self._peer.settimeout(_left(self.due))
            rest = rest[self._peer.send(rest[:_PIECE]) :]

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002 - `http.client` reads alone
        """What `http.client` reads an answer from."""
        return io.BufferedReader(_Reads(self), _PIECE)

    def receive(self, into: memoryview) -> int:
        """Read some of it."""
        self._peer.settimeout(_left(self.due))
        return self._peer.recv_into(into)

    def is_readable(self) -> bool:
        """Whether there is anything to read, the end of the connection among it."""
        poll = select.poll()
        poll.register(self._peer, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close the socket."""
        self._peer.close()


class _Reads(io.RawIOBase):
    """One answer's reading side."""

    def __init__(self, timed: _Timed) -> None:
        self._timed = timed

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, into: memoryview) -> int:  # type: ignore[override] # what BufferedReader gives
        """Some bytes, none at the end."""
        return self._timed.receive(into)


def _left(due: float) -> float:
    left = due - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _response(
    request: requests.PreparedRequest, answer: http.client.HTTPResponse, body: bytes
) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response.reason = answer.reason
    response.headers.update(answer.headers.items())
    response.raw = io.BytesIO(body)
    response.request = request
    response.url = str(request.url)
    return response


def by_tcp(host: str, port: int) -> Connect:
    """Plain TCP, without waiting to fill a packet."""

    def connect(seconds: float) -> socket.socket:
        peer = socket.create_connection((host, port), timeout=seconds)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return peer

    return connect


def by_tls(host: str, port: int, context: ssl.SSLContext) -> Connect:
    """TLS to a server whose name the context checks."""
    plain = by_tcp(host, port)

    def connect(seconds: float) -> socket.socket:
        due = time.monotonic() + seconds
        peer = plain(seconds)
        try:
            peer.settimeout(_left(due))
            return context.wrap_socket(peer, server_hostname=host)
        except BaseException:
            peer.close()
            raise

    return connect


def by_socket(path: str) -> Connect:
    """A Unix socket."""

    def connect(seconds: float) -> socket.socket:
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            peer.settimeout(seconds)
            peer.connect(path)
        except BaseException:
            peer.close()
            raise
        return peer

    return connect
