"""A plugin of pytest: a unit test opens no socket and starts no program.

What needs either is marked `integration` (or `journey`, `adversary`). Everything else is refused both, and
fails even where the refusal was swallowed. CPython reports its own sockets and programs as audit events; gRPC
and libpq open theirs in C, so they are met where Python asks for them. The policy engine's child, which the
tests of a worker share, starts in between (`outside`).
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final

import grpc.aio
import psycopg
import pytest
import urllib3.util.connection

_FREE: Final = ("integration", "journey", "adversary")
_NEEDY: Final = frozenset({"postgres", "tokens", "opa_binary"})
"""Fixtures that start programs: who asks for them is marked here."""
_REPORTED: Final = frozenset({"socket.connect", "socket.bind", "subprocess.Popen", "os.posix_spawn"})


class _Watch:
    """What the running unit test did, None where none runs; threads of earlier tests are not its own."""

    met: list[str] | None = None
    others: frozenset[int] = frozenset()


def _refuse(what: str) -> None:
    met = _Watch.met
    if met is not None and threading.get_ident() not in _Watch.others:
        met.append(what)
        raise RuntimeError(f"{what} in a test that is not marked `integration`")


def _reported(event: str, _arguments: object, watched: frozenset[str] = _REPORTED) -> None:
    if event in watched:  # a default outlives the module's names when the interpreter ends
        _refuse(event)


def _watched(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def call(*arguments: Any, **named: Any) -> Any:
        _refuse(name)
        return original(*arguments, **named)

    return call


def pytest_configure() -> None:
    """Watch from now on; an audit hook cannot be taken away again."""
    if hasattr(psycopg.connect, "__wrapped__"):
        return  # pytest within a test
    assert urllib3.util.connection.HAS_IPV6 in {True, False}  # its import binds a port to find out
    sys.addaudithook(_reported)
    for module, name in (
        (psycopg, "connect"),
        (grpc.aio, "server"),
        (grpc.aio, "secure_channel"),
        (grpc.aio, "insecure_channel"),
    ):
        setattr(module, name, _watched(f"{module.__name__}.{name}", getattr(module, name)))


@pytest.hookimpl(tryfirst=True)  # before marks choose what runs
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark who asks for what is no unit."""
    for item in items:
        if isinstance(item, pytest.Function) and not _NEEDY.isdisjoint(item.fixturenames):
            item.add_marker("integration")


@contextmanager
def outside() -> Iterator[None]:
    """For what the tests of a worker share."""
    before, _Watch.met = _Watch.met, None
    try:
        yield
    finally:
        _Watch.met = before


@contextmanager
def _watching(item: pytest.Item) -> Iterator[None]:
    if any(item.get_closest_marker(name) for name in _FREE):
        yield
        return
    main = threading.main_thread().ident
    _Watch.others = frozenset(one.ident for one in threading.enumerate() if one.ident and one.ident != main)
    met = _Watch.met = []
    try:
        yield
    finally:
        _Watch.met = None
    if met:
        pytest.fail(f"{', '.join(met)} in a test that is not marked `integration`", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    """Fixtures of a unit test are watched,"""
    with _watching(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """and so is the test."""
    with _watching(item):
        return (yield)
