"""Shamir's secret sharing over the scalars of ristretto255, with Feldman's public side.

A key k = a_0 is shared by a polynomial of degree t - 1: trustee i (from 1) holds k_i = a_0 + a_1·i + ... +
a_(t-1)·i^(t-1) and everyone knows Y_i = k_i·G. Any t shares determine the key, fewer tell nothing (Shamir
1979). Because the map to the public side is linear, the same Lagrange factors interpolate the Y_i, which
shows whether they lie on one polynomial (Feldman 1987).

Coefficients, shares and keys are secrets: only the group's scalar operations touch them. Indices and
Lagrange factors are public and computed as integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from passerelle.oprf.group import ORDER, ristretto255, scalar, split


def shares_of(coefficients: bytes, trustees: int) -> tuple[bytes, ...]:
    """The shares k_1 ... k_n of the key a_0, from the packed coefficients a_0 ... a_(t-1)."""
    group = ristretto255()
    falling = split(coefficients)[::-1]

    def share(index: int) -> bytes:
        at = scalar(index)
        return reduce(lambda total, next_: group.scalar_add(group.scalar_multiply(total, at), next_), falling)

    return tuple(share(index) for index in range(1, trustees + 1))


def lagrange(quorum: Sequence[int], index: int, at: int = 0) -> bytes:
    """The factor (a scalar) of the share of `index` where a quorum interpolates the polynomial at `at`.

    Raises:
        ValueError: the quorum repeats an index or lacks this one.
    """
    if len(set(quorum)) != len(quorum) or index not in quorum:
        raise ValueError("a quorum of distinct indices with this one among them")
    numerator = denominator = 1
    for other in quorum:
        if other != index:
            numerator = numerator * (at - other) % ORDER
            denominator = denominator * (index - other) % ORDER
    return scalar(numerator * pow(denominator, -1, ORDER))


def interpolate(quorum: Sequence[int], elements: bytes, at: int = 0) -> bytes:
    """The element at `at`, outside the quorum, of the polynomial through the quorum's packed public shares.

    Raises:
        PasserelleError: `oprf_element_invalid`.
    """
    factors = b"".join(lagrange(quorum, index, at) for index in quorum)
    return ristretto255().weighted_sum(factors, elements)
