"""What all tests share: skips are failures where nothing may be missing, where files lie, tools.

With `CI=true` every skip, of a test or of a whole module, is reported as a failure with its reason: a run
that left something out must not look like one that passed. An expected failure (`xfail`) stays what it is.
"""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
pytest_plugins = ("unit_guard", "policy_fixtures", "postgres_fixtures", "token_fixtures")
# A busy machine is slow and not wrong: how long an example takes is no property of what is tested.
settings.register_profile("passerelle", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("passerelle")

_MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of its own there, for this user alone
_ENOUGH = 4 * 2**30


def _memory_serves() -> bool:
    """Whether the files of tests may lie in memory: it is large enough and programs may start from it."""
    if not os.access(_MEMORY, os.W_OK):
        return False
    found = os.statvfs(_MEMORY)
    return found.f_bavail * found.f_frsize >= _ENOUGH and not found.f_flag & os.ST_NOEXEC


# Stores synchronise every commit. A test can see the call of it; the disk only makes the test wait.
if _memory_serves():
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


def pytest_collection_finish() -> None:
    """What was collected lives to the end: the garbage collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


def _strict() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true"}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of one test into a failure."""
    del item, call
    report = yield
    if report.skipped and _strict() and not hasattr(report, "wasxfail"):
        _fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn the skip of a whole module into a failure."""
    del collector
    report = yield
    if report.skipped and _strict():
        _fail(report)
    return report


def _fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{report.nodeid}: skipped although CI=true. {reason}"


@pytest.fixture(scope="session")
def opa_binary() -> Path:
    """The real `opa`: $PASSERELLE_OPA, then build/bin (where .ci/run puts it), then PATH."""
    named = os.environ.get("PASSERELLE_OPA")
    built = ROOT / "build" / "bin" / "opa"
    found = named or (str(built) if built.is_file() else shutil.which("opa"))
    if not found or not Path(found).is_file():
        pytest.skip("opa is not installed: set PASSERELLE_OPA or put opa 1.22.2 on PATH")
    return Path(found)


@pytest.fixture
def repository() -> Iterator[Path]:
    """The root of the repository, as the working directory of the test."""
    before = Path.cwd()
    os.chdir(ROOT)
    yield ROOT
    os.chdir(before)
