"""What is not marked `integration` opens no socket, starts no program, and cannot hide that it tried."""

from __future__ import annotations

from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
TRIES = {
    "a connection": "with socket.socket() as one: one.connect_ex(('127.0.0.1', 1))",
    "a port": "with socket.socket() as one: one.bind(('127.0.0.1', 0))",
    "a local socket": "with socket.socket(socket.AF_UNIX) as one: one.connect_ex('nowhere')",
    "a program": "subprocess.run(['true'], check=True)",
    "PostgreSQL": "psycopg.connect('host=/nowhere')",
    "a channel": "grpc.aio.insecure_channel('127.0.0.1:1')",
    "a server": "grpc.aio.server()",
}
IMPORTS = "import contextlib, grpc.aio, psycopg, pytest, socket, subprocess"
SWALLOWED = """
{imports}
{mark}
def test_tries():
    with contextlib.suppress(Exception):
        {line}
"""
MARKED = "@pytest.mark.integration"


@pytest.fixture
def inner(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(CONFTEST.read_text("utf-8"))
    pytester.makeini("[pytest]\nmarkers =\n  integration: as ours")
    return pytester


@pytest.mark.parametrize("what", TRIES)
def test_a_unit_test_fails_even_where_it_swallowed_the_refusal(inner: pytest.Pytester, what: str) -> None:
    inner.makepyfile(SWALLOWED.format(imports=IMPORTS, mark="", line=TRIES[what]))
    result = inner.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:asyncio")
    result.assert_outcomes(failed=1)
    assert "in a test that is not marked `integration`" in result.stdout.str()


@pytest.mark.integration
@pytest.mark.parametrize("what", ["a port", "a program"])
def test_what_is_marked_may(inner: pytest.Pytester, what: str) -> None:
    inner.makepyfile(SWALLOWED.format(imports=IMPORTS, mark=MARKED, line=TRIES[what]))
    inner.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:asyncio").assert_outcomes(passed=1)


def test_a_fixture_of_a_unit_test_may_not_either(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        f"{IMPORTS}\n@pytest.fixture\ndef opened():\n    {TRIES['a port']}\ndef test_it(opened): pass"
    )
    result = inner.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:asyncio")
    result.assert_outcomes(errors=1)
