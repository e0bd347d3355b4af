"""The group: laws, refusals, and threads that change nothing but the time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle.errors import PasserelleError
from passerelle.oprf import group as choice
from passerelle.oprf.group import IDENTITY, ORDER, check_scalar, count_of, ristretto255, scalar, split
from passerelle.oprf.ristretto import SPREAD_FROM, Ristretto255
from passerelle.oprf.sodium import load

ELEMENTS = json.loads(
    (Path(__file__).resolve().parents[2] / "vectors" / "rfc9496-ristretto255.json").read_text("utf-8")
)
numbers = st.integers(min_value=1, max_value=ORDER - 1)
columns = st.lists(numbers, min_size=1, max_size=6)


def _column(values: list[int]) -> bytes:
    return b"".join(map(scalar, values))


def _int(value: bytes) -> int:
    return int.from_bytes(value, "little")


@settings(deadline=None)
@given(columns)
def test_inverses_of_a_column(values: list[int]) -> None:
    inverses = split(ristretto255().invert(_column(values)))
    assert [_int(inverse) * value % ORDER for inverse, value in zip(inverses, values, strict=True)] == [
        1
    ] * len(values)


def test_a_column_of_inverses_refuses_zero() -> None:
    with pytest.raises(PasserelleError, match="oprf_scalar_invalid"):
        ristretto255().invert(_column([5]) + scalar(0))
    assert ristretto255().invert(b"") == b""


@settings(deadline=None)
@given(numbers, numbers)
def test_scalars_follow_the_integers(a: int, b: int) -> None:
    group = ristretto255()
    assert _int(group.scalar_multiply(scalar(a), scalar(b))) == a * b % ORDER
    assert _int(group.scalar_add(scalar(a), scalar(b))) == (a + b) % ORDER
    assert _int(group.scalar_subtract(scalar(a), scalar(b))) == (a - b) % ORDER


@settings(deadline=None)
@given(st.binary(min_size=64, max_size=64))
def test_64_bytes_are_reduced_by_the_order_of_the_group(uniform: bytes) -> None:
    assert _int(ristretto255().reduce(uniform)) == _int(uniform) % ORDER


@settings(deadline=None)
@given(columns, st.integers(min_value=1, max_value=ORDER - 10))
def test_a_weighted_sum_is_a_sum_of_products(values: list[int], base: int) -> None:
    group = ristretto255()
    elements = group.multiply_base(_column([base + at for at in range(len(values))]))
    expected = sum(value * (base + at) for at, value in enumerate(values)) % ORDER
    total = group.weighted_sum(_column(values), elements)
    assert total == (group.multiply_base(scalar(expected)) if expected else IDENTITY)


def test_multiples_of_the_generator_are_those_of_the_rfc() -> None:
    multiples = [bytes.fromhex(text) for text in ELEMENTS["multiples"]]
    assert list(split(ristretto255().multiply_base(_column(list(range(1, len(multiples))))))) == multiples[1:]
    generator = multiples[1]
    assert ristretto255().add(generator, multiples[2]) == multiples[3]
    assert ristretto255().add(generator, ristretto255().multiply(scalar(-1), generator)) == IDENTITY


def test_the_one_way_map_is_that_of_the_rfc() -> None:
    for case in ELEMENTS["one_way_map"]:
        assert ristretto255().from_uniform(bytes.fromhex(case["input"])).hex() == case["output"]


@pytest.mark.parametrize("encoding", [IDENTITY.hex(), *ELEMENTS["bad_encodings"]])
def test_bad_encodings_are_refused_by_position(encoding: str) -> None:
    group = ristretto255()
    good = group.multiply_base(scalar(9))
    column = good + bytes.fromhex(encoding) + good
    for operation in (
        lambda: group.check_elements(column),
        lambda: group.multiply(scalar(2), column),
        lambda: group.weighted_sum(scalar(2) * 3, column),
    ):
        with pytest.raises(PasserelleError, match="oprf_element_invalid") as caught:
            operation()
        assert caught.value.detail == "element 1"


def test_an_addition_refuses_what_does_not_decode() -> None:
    with pytest.raises(PasserelleError, match="oprf_element_invalid"):
        ristretto255().add(IDENTITY, b"\xff" * 32)


def test_zero_is_no_scalar() -> None:
    for bad in (scalar(0), ORDER.to_bytes(32, "little"), b"\x01", b"\xff" * 32):
        with pytest.raises(PasserelleError, match="oprf_scalar_invalid"):
            check_scalar(bad)
    with pytest.raises(PasserelleError, match="oprf_scalar_invalid") as caught:
        ristretto255().multiply_base(scalar(1) + scalar(0))
    assert caught.value.detail == "scalar 1 is zero"
    assert check_scalar(scalar(ORDER - 1)) == scalar(-1)


def test_columns_of_wrong_length_are_programming_errors() -> None:
    group = ristretto255()
    one = group.multiply_base(scalar(1))
    for wrong in (
        lambda: group.multiply(scalar(1) * 2, one),
        lambda: group.multiply(scalar(1), one[:-1]),
        lambda: group.add(one, one * 2),
        lambda: group.weighted_sum(b"", b""),
        lambda: group.weighted_sum(scalar(1) * 2, one),
        lambda: group.reduce(one),
        lambda: group.scalar_add(one, b""),
        lambda: count_of(one, 3),
    ):
        with pytest.raises(ValueError):
            wrong()
    assert group.multiply(scalar(1), b"") == b"" == group.add(b"", b"") == group.random_scalars(0)


def test_random_scalars_differ_and_are_canonical() -> None:
    drawn = split(ristretto255().random_scalars(50))
    assert len({check_scalar(item) for item in drawn}) == 50


@pytest.fixture(scope="module")
def threaded() -> Ristretto255:
    return Ristretto255(load(), workers=3)


def test_threads_change_nothing(threaded: Ristretto255) -> None:
    alone = Ristretto255(load(), workers=1)
    count = SPREAD_FROM + 3
    scalars = alone.random_scalars(count)
    elements = threaded.multiply_base(scalars)
    assert elements == alone.multiply_base(scalars)
    assert threaded.multiply(scalars, elements) == alone.multiply(scalars, elements)
    assert threaded.add(elements, elements) == alone.add(elements, elements)
    assert threaded.weighted_sum(scalars, elements) == alone.weighted_sum(scalars, elements)
    assert threaded.from_uniform(scalars * 2) == alone.from_uniform(scalars * 2)


def test_threads_report_the_first_bad_item(threaded: Ristretto255) -> None:
    items = [threaded.multiply_base(scalar(at + 1)) for at in range(SPREAD_FROM * 8)]
    items[20] = items[100] = b"\xff" * 32
    with pytest.raises(PasserelleError, match="oprf_element_invalid") as caught:
        threaded.check_elements(b"".join(items))
    assert caught.value.detail == "element 20"


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # a fork beside threads is the point
def test_a_forked_child_has_threads_of_its_own(threaded: Ristretto255) -> None:
    scalars = threaded.random_scalars(SPREAD_FROM)
    expected = threaded.multiply_base(scalars)
    child = os.fork()
    if child == 0:
        os._exit(0 if threaded.multiply_base(scalars) == expected else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.fixture
def unchosen() -> Iterator[None]:
    yield
    choice.use(None)


@pytest.mark.usefixtures("unchosen")
def test_another_back_end_can_be_named(threaded: Ristretto255) -> None:
    before = ristretto255()
    choice.use(threaded)
    assert ristretto255() is threaded
    choice.use(None)
    assert ristretto255() is before


@pytest.mark.parametrize(("text", "count"), [("", os.cpu_count()), ("3", 3)])
def test_the_number_of_workers(monkeypatch: pytest.MonkeyPatch, text: str, count: int) -> None:
    monkeypatch.setenv(choice.WORKERS_VARIABLE, text)
    assert choice.workers() == count


@pytest.mark.parametrize("text", ["0", "257", "-1", "many", "1.5"])
def test_a_bad_number_of_workers(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(choice.WORKERS_VARIABLE, text)
    with pytest.raises(PasserelleError, match="config_invalid"):
        choice.workers()
