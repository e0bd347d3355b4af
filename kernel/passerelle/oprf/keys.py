"""Token keys as the parties hold them: the public side that connectors pin, the share of one trustee.

Rules
-----
1. There is one key for each domain, identifier group and epoch. A generation counts how often its shares
   were dealt anew; shares of different generations do not combine, although each proves itself.
2. A `GroupKeyInfo` that exists is consistent: all public shares lie on one polynomial of degree threshold -
   1 whose value at 0 is the public key. So every quorum leads to this key or to an error.
3. A `KeyShare` that exists belongs to its public share.
4. The threshold is at least two, so that no single trustee can evaluate alone.

The document that connectors pin is JSON; byte strings are lower-case hexadecimal. Reading refuses unknown,
missing and repeated members. Its digest is compared out of band, since whoever swaps it chooses the key.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.oprf.documents import array, hexadecimal, members, number, parse, text
from passerelle.oprf.group import ELEMENT_BYTES, IDENTITY, SCALAR_BYTES, ristretto255
from passerelle.oprf.shamir import interpolate, lagrange, shares_of

MAX_TRUSTEES: Final = 32
MAX_NUMBER: Final = 2**31 - 1
MAX_DOMAIN: Final = 128
_KEY_FORMAT: Final = "passerelle/group-key/1"


@dataclass(frozen=True, slots=True)
class GroupKeyInfo:
    """The public side of one key.

    `epoch` and `generation` count from 1; `public_key` and each of the n `public_shares` (of trustees 1 to
    n, in order) are elements of 32 bytes.

    Raises:
        PasserelleError: `group_key_invalid` (rules 2 and 4).
    """

    domain: str
    group: Group
    epoch: int
    generation: int
    threshold: int
    public_key: bytes
    public_shares: tuple[bytes, ...]

    def __post_init__(self) -> None:
        numbers_fit = 1 <= self.epoch <= MAX_NUMBER and 1 <= self.generation <= MAX_NUMBER
        if not 1 <= len(self.domain) <= MAX_DOMAIN or not numbers_fit:
            raise PasserelleError("group_key_invalid", "domain, epoch or generation out of range")
        if not 2 <= self.threshold <= len(self.public_shares) <= MAX_TRUSTEES:
            raise PasserelleError("group_key_invalid", "threshold or number of shares out of range")
        if any(len(element) != ELEMENT_BYTES for element in (self.public_key, *self.public_shares)):
            raise PasserelleError("group_key_invalid", "an element of another length")
        try:
            _check_polynomial(self)
        except PasserelleError as error:
            raise PasserelleError("group_key_invalid", error.detail) from error

    @property
    def trustees(self) -> int:
        """How many trustees hold a share."""
        return len(self.public_shares)

    @property
    def label(self) -> str:
        """Domain, group, epoch and generation, for logs and details."""
        return f"{self.domain}/{self.group} epoch {self.epoch} generation {self.generation}"

    def to_document(self) -> dict[str, Any]:
        """The JSON object of this key."""
        return {
            "format": _KEY_FORMAT,
            "domain": self.domain,
            "group": str(self.group),
            "epoch": self.epoch,
            "generation": self.generation,
            "threshold": self.threshold,
            "public_key": self.public_key.hex(),
            "public_shares": [element.hex() for element in self.public_shares],
        }

    def to_json(self) -> str:
        """The document of this key alone, as a trustee describes it."""
        return json.dumps(self.to_document(), sort_keys=True)

    @classmethod
    def from_document(cls, document: object) -> GroupKeyInfo:
        """The key that a JSON object describes.

        Raises:
            PasserelleError: `group_key_invalid`.
        """
        names = (
            "format",
            "domain",
            "group",
            "epoch",
            "generation",
            "threshold",
            "public_key",
            "public_shares",
        )
        try:
            found = members(document, names, _KEY_FORMAT)
            return cls(
                domain=text(found["domain"]),
                group=Group(text(found["group"])),
                epoch=number(found["epoch"]),
                generation=number(found["generation"]),
                threshold=number(found["threshold"]),
                public_key=hexadecimal(found["public_key"]),
                public_shares=tuple(hexadecimal(item) for item in array(found["public_shares"])),
            )
        except ValueError as error:
            raise PasserelleError("group_key_invalid", str(error)) from error

    @classmethod
    def from_json(cls, document: str) -> GroupKeyInfo:
        """The key that a document describes.

        Raises:
            PasserelleError: `group_key_invalid`.
        """
        try:
            return cls.from_document(parse(document))
        except ValueError as error:
            raise PasserelleError("group_key_invalid", str(error)) from error


@dataclass(frozen=True, slots=True)
class KeyShare:
    """The share of one trustee: `index` from 1, `secret` a scalar.

    Raises:
        PasserelleError: `share_file_invalid` (rule 3).
    """

    info: GroupKeyInfo
    index: int
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.info.trustees or len(self.secret) != SCALAR_BYTES:
            raise PasserelleError("share_file_invalid", f"{self.info.label}: index or length out of range")
        if ristretto255().multiply_base(self.secret) != self.info.public_shares[self.index - 1]:
            raise PasserelleError(
                "share_file_invalid", f"{self.info.label}: not the share of its public share"
            )


@dataclass(frozen=True, slots=True)
class Dealt:
    """One key, shared: the public side and all shares, of trustees 1 to n in order."""

    info: GroupKeyInfo
    shares: tuple[KeyShare, ...]


def deal(
    domain: str, group: Group, epoch: int, generation: int, threshold: int, coefficients: bytes, trustees: int
) -> Dealt:
    """Share the key that is the first of `threshold` packed coefficients. Whoever calls this knows the key.

    Raises:
        PasserelleError: `group_key_invalid`, `oprf_scalar_invalid`.
        ValueError: not one coefficient for each unit of the threshold.
    """
    if len(coefficients) != threshold * SCALAR_BYTES:
        raise ValueError("as many coefficients as the threshold")
    prime = ristretto255()
    secrets = shares_of(coefficients, trustees)
    info = GroupKeyInfo(
        domain=domain,
        group=group,
        epoch=epoch,
        generation=generation,
        threshold=threshold,
        public_key=prime.multiply_base(coefficients[:SCALAR_BYTES]),
        public_shares=tuple(map(prime.multiply_base, secrets)),
    )
    return Dealt(info, tuple(KeyShare(info, index, secret) for index, secret in enumerate(secrets, 1)))


def check_quorum(info: GroupKeyInfo, quorum: tuple[int, ...]) -> tuple[int, ...]:
    """The quorum itself, if it can answer for this key.

    Raises:
        PasserelleError: `quorum_invalid`.
    """
    rising = all(left < right for left, right in pairwise(quorum))
    if len(quorum) != info.threshold or not rising or quorum[0] < 1 or quorum[-1] > info.trustees:
        raise PasserelleError("quorum_invalid", f"{info.label}: {len(quorum)} of {info.threshold}")
    return quorum


@lru_cache(maxsize=1024)
def effective_shares(info: GroupKeyInfo, quorum: tuple[int, ...]) -> tuple[bytes, ...]:
    """The elements λ_i·Y_i that the trustees of a quorum prove themselves against, in its order.

    Their sum is checked against the public key, although rule 2 implies it: a wrong key must not pass
    silently.

    Raises:
        PasserelleError: `quorum_invalid`, `group_key_invalid`.
    """
    check_quorum(info, quorum)
    prime = ristretto255()
    elements = tuple(
        prime.multiply(lagrange(quorum, index), info.public_shares[index - 1]) for index in quorum
    )
    total = IDENTITY
    for element in elements:
        total = prime.add(total, element)
    if total != info.public_key:
        raise PasserelleError("group_key_invalid", f"{info.label}: a quorum leads to another key")
    return elements


def _check_polynomial(info: GroupKeyInfo) -> None:
    """Refuse public shares that lie on no polynomial of the right degree (rule 2).

    Raises:
        PasserelleError: `group_key_invalid`, `oprf_element_invalid`.
    """
    packed = b"".join(info.public_shares)
    ristretto255().check_elements(info.public_key + packed)
    first = tuple(range(1, info.threshold + 1))
    known = packed[: info.threshold * ELEMENT_BYTES]
    for at, element in enumerate((info.public_key, *info.public_shares)):
        if at not in first and interpolate(first, known, at) != element:
            raise PasserelleError("group_key_invalid", "the public shares do not lie on one polynomial")
