"""The prime-order group ristretto255 (RFC 9496) as packed columns, and the choice of a back end.

Rules
-----
1. An element and a scalar are 32 bytes each (scalars little-endian); a column is that many of them end to
   end. All operations take and give columns, so that a native back end can do a whole batch in one call.
2. Elements from outside are refused when they are the identity or not canonically encoded, scalars when they
   are zero or not reduced, always by position. A column of another length is a programming error
   (`ValueError`).
3. `ristretto255()` is the process's back end: libsodium unless `use` named another one first. Back ends are
   safe for use from several threads.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Final, Protocol

from passerelle.errors import PasserelleError

ELEMENT_BYTES: Final = 32
SCALAR_BYTES: Final = 32
UNIFORM_BYTES: Final = 64
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
IDENTITY: Final = bytes(ELEMENT_BYTES)
WORKERS_VARIABLE: Final = "PASSERELLE_OPRF_WORKERS"


class PrimeOrderGroup(Protocol):
    """A back end. n is the number of items of a column; refusals name the position of the first bad item."""

    def multiply(self, scalars: bytes, elements: bytes) -> bytes:
        """Item by item, n elements; one scalar (32 bytes) serves all elements.

        Raises:
            PasserelleError: `oprf_element_invalid`: an element is refused, or a product is the identity.
        """
        ...

    def multiply_base(self, scalars: bytes) -> bytes:
        """Multiples of the generator, n elements.

        Raises:
            PasserelleError: `oprf_scalar_invalid`: a scalar is zero.
        """
        ...

    def add(self, left: bytes, right: bytes) -> bytes:
        """Item by item, n elements; a sum may be the identity.

        Raises:
            PasserelleError: `oprf_element_invalid`: an operand is not canonically encoded.
        """
        ...

    def weighted_sum(self, scalars: bytes, elements: bytes) -> bytes:
        """The sum of scalar times element over n >= 1 items, one element (32 bytes), maybe the identity.

        Raises:
            PasserelleError: `oprf_element_invalid`, as in `multiply`.
        """
        ...

    def from_uniform(self, uniform: bytes) -> bytes:
        """One-way map (RFC 9496, 4.3.4) of n blocks of 64 uniform bytes to n elements."""
        ...

    def check_elements(self, elements: bytes) -> None:
        """Refuse what may not come from outside.

        Raises:
            PasserelleError: `oprf_element_invalid`.
        """
        ...

    def random_scalars(self, count: int) -> bytes:
        """That many independent, uniform, nonzero scalars."""
        ...

    def reduce(self, uniform: bytes) -> bytes:
        """The scalar (32 bytes) that 64 little-endian bytes stand for, modulo the order."""
        ...

    def scalar_multiply(self, left: bytes, right: bytes) -> bytes:
        """Product of two scalars."""
        ...

    def scalar_add(self, left: bytes, right: bytes) -> bytes:
        """Sum of two scalars."""
        ...

    def scalar_subtract(self, left: bytes, right: bytes) -> bytes:
        """Difference of two scalars."""
        ...

    def invert(self, scalars: bytes) -> bytes:
        """Inverses of n scalars, with one inversion and 3(n - 1) multiplications (Montgomery's trick).

        Raises:
            PasserelleError: `oprf_scalar_invalid`: one of them is zero.
        """
        ...


class _Choice:
    """Which back end the process uses; set once, before the first use."""

    named: PrimeOrderGroup | None = None


def use(group: PrimeOrderGroup | None) -> None:
    """Name the back end that `ristretto255` gives from now on; None returns to the built-in one."""
    _Choice.named = group


def ristretto255() -> PrimeOrderGroup:
    """The process's back end.

    Raises:
        PasserelleError: `oprf_library_missing`, `config_invalid`.
    """
    return _Choice.named or _built_in()


@cache
def _built_in() -> PrimeOrderGroup:
    from passerelle.oprf.ristretto import Ristretto255  # noqa: PLC0415 - it builds on this module
    from passerelle.oprf.sodium import load  # noqa: PLC0415 - only where no other back end was named

    return Ristretto255(load(), workers())


def workers() -> int:
    """Threads for large columns: `PASSERELLE_OPRF_WORKERS`, else one per processor.

    Raises:
        PasserelleError: `config_invalid`.
    """
    text = os.environ.get(WORKERS_VARIABLE, "")
    if not text:
        return os.cpu_count() or 1
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 256:
        raise PasserelleError("config_invalid", f"{WORKERS_VARIABLE} is no number from 1 to 256")
    return int(text)


def count_of(column: bytes, width: int = ELEMENT_BYTES) -> int:
    """Number of items of a column.

    Raises:
        ValueError: it does not hold whole items.
    """
    count, rest = divmod(len(column), width)
    if rest:
        raise ValueError(f"a column of {width}-byte items holds {len(column)} bytes")
    return count


def split(column: bytes, width: int = ELEMENT_BYTES) -> tuple[bytes, ...]:
    """The items of a column."""
    return tuple(column[at : at + width] for at in range(0, count_of(column, width) * width, width))


def scalar(value: int) -> bytes:
    """A public integer, reduced modulo the order, as a scalar. Secrets never become integers."""
    return (value % ORDER).to_bytes(SCALAR_BYTES, "little")


def check_scalar(value: bytes) -> bytes:
    """The scalar itself, if it may come from outside.

    Raises:
        PasserelleError: `oprf_scalar_invalid`.
    """
    if len(value) != SCALAR_BYTES or not 0 < int.from_bytes(value, "little") < ORDER:
        raise PasserelleError("oprf_scalar_invalid", "a scalar is zero or not reduced")
    return value
