"""The child process around the embedded engine. Run by path, in isolated mode, by `embedded`.

It knows nothing but standard input, which is a socket: the parent sends frames, the child answers each with
one frame, in order, until the parent closes. A frame is a length (4 bytes, big-endian) and a body.

    first request   JSON {"modules": [[path, text], ...], "data": text}         answer V or E
    later requests  name of a rule, a newline, the input as JSON                 answer V, U or E

Answers: V and the value as JSON; U for undefined; E and the engine's message; D and `[values, places]` for an
object, its distinct members and, by name, the place of each. The engine is bound to the thread that made it
and holds the interpreter's lock, which is why it lives in a process of its own.
"""

from __future__ import annotations

import json
import resource
import socket
import struct
from typing import cast

import regorus

MEMORY = 4 * 1024**3
_ENCODE = json.JSONEncoder(sort_keys=True).encode


def _receive(peer: socket.socket, size: int) -> bytes:
    body = bytearray()
    while len(body) < size:
        piece = peer.recv(min(size - len(body), 1 << 20))
        if not piece:
            raise EOFError
        body += piece
    return bytes(body)


def _frame(peer: socket.socket) -> bytes:
    return _receive(peer, struct.unpack(">I", _receive(peer, 4))[0])


def _answer(peer: socket.socket, kind: bytes, body: bytes = b"") -> None:
    peer.sendall(struct.pack(">I", len(body) + 1) + kind + body)


def _load(request: bytes) -> regorus.Engine:
    engine = regorus.Engine()
    bundle = json.loads(request)
    for path, text in bundle["modules"]:
        engine.add_policy(path, text)
    engine.add_data_json(bundle["data"])
    engine.set_gather_prints(True)
    return engine


def _evaluate(engine: regorus.Engine, request: bytes) -> tuple[bytes, bytes]:
    rule, _, given = request.partition(b"\n")
    engine.set_input_json(given.decode())
    # `eval_rule` tells undefined (None) apart; `eval_rule_as_json` would write it as a truthy text.
    value = engine.eval_rule(rule.decode())
    if value is None:
        return b"U", b""
    if not isinstance(value, dict):
        return b"V", json.dumps(value).encode()
    texts: dict[str, int] = {}
    members = cast("dict[str, object]", value)
    places = {name: texts.setdefault(_ENCODE(member), len(texts)) for name, member in members.items()}
    return b"D", f"[[{','.join(texts)}],{json.dumps(places)}]".encode()


def serve(peer: socket.socket) -> None:
    """Load one bundle, then answer until the parent hangs up."""
    try:
        engine = _load(_frame(peer))
        _answer(peer, b"V", b"true")
        while True:
            request = _frame(peer)
            try:
                _answer(peer, *_evaluate(engine, request))
            except (RuntimeError, TypeError, ValueError) as error:
                _answer(peer, b"E", _first_error(error))
    except EOFError:
        return
    except (RuntimeError, TypeError, ValueError, KeyError) as error:
        _answer(peer, b"E", _first_error(error))


def _first_error(error: Exception) -> bytes:
    """The engine's own sentence, without its stack trace."""
    lines = [line for line in str(error).splitlines() if line.startswith(("error:", "-->"))]
    return " ".join(lines)[:300].encode() or type(error).__name__.encode()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with socket.socket(fileno=0) as parent:
        serve(parent)
