"""Token keys as the parties hold them: the public side that connectors pin, the share of one trustee.

Rules
-----
1. There is one key for each domain, identifier group and epoch. A generation counts how often its shares were dealt
   anew; shares of different generations do not combine, although each proves itself.
2. A `GroupKeyInfo` that exists is consistent: all public shares lie on one polynomial of degree threshold - 1 whose
   value at 0 is the public key. So every quorum leads to this key or to an error.
3. A `KeyShare` that exists belongs to its public share.
4. The threshold is at least two, so that no single trustee can evaluate alone.

The document that connectors pin is JSON; byte strings are lower-case hexadecimal. Reading refuses unknown, missing and
repeated members. Its digest is compared out of band, since whoever swaps it chooses the key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.oprf.group import ELEMENT_BYTES, ristretto255
from passerelle.oprf.shamir import interpolate, lagrange, shares_of

MAX_TRUSTEES: Final = 32
MAX_NUMBER: Final = 2**31 - 1
MAX_DOMAIN: Final = 128
_KEY_FORMAT: Final = "passerelle/group-key/1"


@dataclass(frozen=True, slots=True)
class GroupKeyInfo:
    """The public side of one key.

    `epoch` and `generation` count from 1; `public_key` and each of the n `public_shares` (of trustees 1 to n, in order)
    are elements of 32 bytes.

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
        names = ("format", "domain", "group", "epoch", "generation", "threshold", "public_key", "public_shares")
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
"""
