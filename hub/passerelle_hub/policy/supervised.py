"""One supervised child: started, asked under a deadline, killed at the first sign of trouble.

A child that missed a deadline may still send its answer later, so it is never asked again: it is killed
and its place is taken by a fresh one at the next call.
"""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from passerelle.errors import PasserelleError
from passerelle_hub.policy.engine import ENGINE_DOWN, EVALUATION_FAILED

_CHILD: Final = Path(__file__).with_name("child.py")
_MAX_ANSWER: Final = 64 * 1024 * 1024


class Child:
    """A running child process with a loaded engine.

    Args:
        loading: the first frame's body, modules and data as JSON.
        deadline: seconds the child may take to load.

    Raises:
        PasserelleError: `policy_engine_down`, it did not start; `policy_evaluation_failed`, it refused
            the bundle.
    """

    def __init__(self, loading: bytes, deadline: float) -> None:
        self._peer, theirs = socket.socketpair()
        with theirs:
            # Isolated mode and an empty environment: nothing but the installed engine gets in.
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own file
                [sys.executable, "-I", str(_CHILD)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                start_new_session=True,
            )
        try:
            self.ask(loading, deadline)
        except PasserelleError:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """Process id, for the operator and for tests that kill it."""
        return self._process.pid

    def ask(self, request: bytes, deadline: float) -> object:
        """Send one request and wait for its answer, at most `deadline` seconds for both.

        Returns:
            The JSON value, None where the rule is undefined. Equal members of an object are one object.

        Raises:
            PasserelleError: `policy_evaluation_failed`, the child is well; `policy_engine_down`, it is not
                and must be killed.
        """
        end = time.monotonic() + deadline
        try:
            self._peer.settimeout(deadline)
            self._peer.sendall(struct.pack(">I", len(request)) + request)
            (size,) = struct.unpack(">I", self._receive(4, end))
            if not 1 <= size <= _MAX_ANSWER:
                raise PasserelleError(ENGINE_DOWN, "an answer of impossible length")
            answer = self._receive(size, end)
            if answer[:1] == b"E":
                raise PasserelleError(EVALUATION_FAILED, answer[1:].decode("utf-8", "replace"))
            if answer[:1] == b"D":
                members, places = json.loads(answer[1:])
                return {name: members[place] for name, place in places.items()}
            return None if answer == b"U" else json.loads(answer[1:])
        except TimeoutError as error:
            raise PasserelleError(ENGINE_DOWN, f"no answer within {deadline} s") from error
        except (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise PasserelleError(ENGINE_DOWN, f"the child broke off: {type(error).__name__}") from error

    def _receive(self, size: int, end: float) -> bytes:
        body = bytearray()
        while len(body) < size:
            remaining = end - time.monotonic()
            if remaining <= 0:
                raise TimeoutError
            self._peer.settimeout(remaining)
            piece = self._peer.recv(min(size - len(body), 1 << 20))
            if not piece:
                raise EOFError
            body += piece
        return bytes(body)

    def kill(self) -> None:
        """End the process at once and reap it."""
        self._peer.close()
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)


class Seat:
    """A place for one child: used by one caller at a time, refilled when its child died."""

    def __init__(self, loading: bytes, *, deadline: float, start_deadline: float) -> None:
        self._loading = loading
        self._deadline = deadline
        self._start_deadline = start_deadline
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._closed = False
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """Process id of the present child, None before the first call and after a kill."""
        child = self._child
        return None if child is None else child.pid

    def evaluate(self, rule: str, given: Mapping[str, object]) -> object:
        """Evaluate one rule. Waiting for the seat counts against the deadline.

        Raises:
            PasserelleError: as `Child.ask`.
        """
        end = time.monotonic() + self._deadline
        request = rule.encode() + b"\n" + json.dumps(given).encode()
        if not self._lock.acquire(timeout=self._deadline):
            raise PasserelleError(ENGINE_DOWN, "every child is busy")
        try:
            if self._child is None:
                self._start()
                end = time.monotonic() + self._deadline  # starting has a deadline of its own
            return self._ask(request, max(end - time.monotonic(), 0.001))
        finally:
            self._lock.release()

    def _start(self) -> None:
        if self._closed:
            raise PasserelleError(ENGINE_DOWN, "the engine is closed")
        self._child = Child(self._loading, self._start_deadline)
        self.starts += 1

    def _ask(self, request: bytes, deadline: float) -> object:
        child = self._child
        if child is None:
            raise PasserelleError(ENGINE_DOWN, "no child")
        try:
            return child.ask(request, deadline)
        except PasserelleError as error:
            if error.code != EVALUATION_FAILED:
                self._child = None
                child.kill()
            raise

    def close(self) -> None:
        """Kill the child; later calls are refused."""
        with self._lock:
            self._closed = True
            child, self._child = self._child, None
            if child is not None:
                child.kill()
