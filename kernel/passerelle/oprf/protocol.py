"""What connectors and trustees say to each other; `codec` translates it to and from the wire.

A value of these types is well formed: lengths, counts and ranges hold. Whether a quorum fits a key, whether
elements decode, whether a proof holds is checked by whoever uses it (`threshold`, the trustee's `evaluate`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.oprf.dleq import PROOF_BYTES
from passerelle.oprf.group import ELEMENT_BYTES
from passerelle.oprf.keys import MAX_DOMAIN, MAX_NUMBER, MAX_TRUSTEES, GroupKeyInfo

REQUEST_ID_BYTES: Final = 16
MAX_ELEMENTS: Final = 4096
"""Elements of one request: 128 KiB, about half a second of one processor at a trustee."""


@dataclass(frozen=True, slots=True)
class EvaluateRequest:
    """A connector's request to one trustee of a quorum.

    `request_id` is 16 random bytes, the same for all trustees of the quorum and for every retry with the
    same elements; `quorum` holds trustee indices from 1, rising; `elements` are 1 to 4,096 blinded elements,
    packed.

    Raises:
        PasserelleError: `evaluate_request_invalid`, `evaluate_request_too_large`, `quorum_invalid`.
    """

    request_id: bytes
    domain: str
    group: Group
    epoch: int
    generation: int
    quorum: tuple[int, ...]
    elements: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.request_id) != REQUEST_ID_BYTES or not 1 <= len(self.domain) <= MAX_DOMAIN:
            raise PasserelleError("evaluate_request_invalid", "request id or domain of another length")
        if not 1 <= self.epoch <= MAX_NUMBER or not 1 <= self.generation <= MAX_NUMBER:
            raise PasserelleError("evaluate_request_invalid", "epoch or generation out of range")
        rising = all(left < right for left, right in pairwise(self.quorum))
        if not self.quorum or not rising or self.quorum[0] < 1 or self.quorum[-1] > MAX_TRUSTEES:
            raise PasserelleError("quorum_invalid", f"{len(self.quorum)} indices")
        if not self.elements or len(self.elements) % ELEMENT_BYTES:
            raise PasserelleError("evaluate_request_invalid", f"{len(self.elements)} bytes of elements")
        if self.count > MAX_ELEMENTS:
            raise PasserelleError("evaluate_request_too_large", f"{self.count} elements")

    @property
    def count(self) -> int:
        """Number of elements."""
        return len(self.elements) // ELEMENT_BYTES


@dataclass(frozen=True, slots=True)
class EvaluateAnswer:
    """A trustee's answer, unverified: the elements times λ_i·k_i, packed in order, and the proof (64 bytes).

    Raises:
        PasserelleError: `trustee_answer_mismatched`: lengths that no answer has.
    """

    request_id: bytes
    index: int
    generation: int
    elements: bytes = field(repr=False)
    proof: bytes = field(repr=False)

    def __post_init__(self) -> None:
        whole = len(self.elements) % ELEMENT_BYTES == 0
        if len(self.request_id) != REQUEST_ID_BYTES or len(self.proof) != PROOF_BYTES or not whole:
            raise PasserelleError(
                "trustee_answer_mismatched", f"trustee {self.index}: a part of another length"
            )


@dataclass(frozen=True, slots=True)
class TrusteeDescription:
    """What a trustee says of itself: its index and the public sides of the keys it holds shares of."""

    index: int
    keys: tuple[GroupKeyInfo, ...]
