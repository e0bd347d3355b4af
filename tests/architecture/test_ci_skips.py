"""A skip is a listed skip on a developer's machine, and a failure with CI=true."""

from __future__ import annotations

from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
ONE_SKIP = """
import pytest
def test_ready(): assert True
def test_missing(): pytest.skip("no such tool here")
@pytest.mark.xfail(reason="known", strict=True)
def test_known(): assert False
"""
QUIET = ("-p", "no:cacheprovider", "-p", "no:asyncio")
WHOLE_MODULE = "import pytest; pytest.skip('nothing here', allow_module_level=True)"


@pytest.fixture
def inner(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(CONFTEST.read_text("utf-8"))
    return pytester


@pytest.mark.parametrize(("ci", "outcome"), [("", {"skipped": 1}), ("true", {"failed": 1})])
def test_a_skipped_test(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str, outcome: dict[str, int]
) -> None:
    monkeypatch.setenv("CI", ci)
    inner.makepyfile(ONE_SKIP)
    result = inner.runpytest_inprocess(*QUIET)
    result.assert_outcomes(passed=1, xfailed=1, **outcome)
    assert ("skipped although CI=true. Skipped: no such tool here" in result.stdout.str()) is bool(ci)


@pytest.mark.parametrize(("ci", "outcome"), [("", {"skipped": 1}), ("true", {"errors": 1})])
def test_a_skipped_module(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str, outcome: dict[str, int]
) -> None:
    monkeypatch.setenv("CI", ci)
    inner.makepyfile(WHOLE_MODULE)
    inner.runpytest_inprocess(*QUIET).assert_outcomes(**outcome)
