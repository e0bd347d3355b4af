"""Which libsodium is used, and what the bundled one leaves behind."""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from passerelle.errors import PasserelleError
from passerelle.oprf import sodium
from passerelle.oprf.group import scalar
from passerelle.oprf.ristretto import Ristretto255


@pytest.fixture
def no_system_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> sodium.Sodium:
        raise OSError("no libsodium")

    monkeypatch.setattr(sodium, "system", missing)


@pytest.fixture
def rbcl_forgotten() -> Iterator[None]:
    """The next import of rbcl is the first one."""

    def forget() -> None:
        for name in [name for name in sys.modules if name.split(".")[0] == "rbcl"]:
            del sys.modules[name]

    forget()
    yield
    forget()


@pytest.mark.usefixtures("rbcl_forgotten")
def test_the_bundled_library_agrees_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    bundled = Ristretto255(sodium.bundled(), workers=1)
    assert bundled.source == "rbcl"
    assert list(tmp_path.iterdir()) == []
    usual = Ristretto255(sodium.load(), workers=1)
    assert bundled.multiply_base(scalar(12345)) == usual.multiply_base(scalar(12345))


@pytest.mark.integration
def test_the_first_name_that_loads_is_taken() -> None:
    found = ctypes.util.find_library("sodium")
    if found is None:
        pytest.skip("no system libsodium")
    assert sodium.system(("libsodium.so.0", found)).source == "system"
    assert sodium.system(()).source == "system"


def test_without_a_system_library_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    with pytest.raises(OSError, match="no libsodium"):
        sodium.system(())


@pytest.mark.usefixtures("no_system_library", "rbcl_forgotten")
def test_the_fallback_is_taken() -> None:
    assert sodium.load().source == "rbcl"


@pytest.mark.usefixtures("no_system_library")
def test_without_any_library_the_error_is_coded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rbcl", None)
    with pytest.raises(PasserelleError, match="oprf_library_missing"):
        sodium.load()


class Broken(ctypes.CDLL):
    """A library that maps and then fails to start."""

    def sodium_init(self) -> int:
        return -1


def test_a_library_that_does_not_start_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    monkeypatch.setattr(ctypes, "CDLL", Broken)
    with pytest.raises(OSError, match="no libsodium"):
        sodium.system(("libc.so.6",))


def test_a_library_without_ristretto_is_passed_over() -> None:
    with pytest.raises(AttributeError):
        sodium.system(("libc.so.6",))
