"""Types of the policy layer: what is asked, what is answered.

An input is a plain mapping of the shape `{schema, action, subject, record, context}` (see
`policies/schemas/input`). It holds markings and codes, never the value of an identifier.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

Scalar = bool | int | str
PolicyInput = Mapping[str, object]

SCHEMA: Final = 1
"""Version of the input and output contract."""

UNAVAILABLE: Final = "policy_unavailable"
"""Reason of a denial for want of a usable answer."""

INPUT_INVALID: Final = "input_invalid"
"""Reason of a denial of an input that breaks its schema."""

OBLIGATIONS: Final[Mapping[str, type]] = {
    "answer_within_hours": int,
    "audience": str,
    "condition": str,
    "confirm_within_hours": int,
    "contact_basic_service": bool,
    "counterpart": str,
    "director_only": bool,
    "expires_within_days": int,
    "feedback_within_days": int,
    "keep_days_at_most": int,
    "link_at_most": str,
    "no_onward_sharing": bool,
    "not_as_evidence": bool,
    "owner_told": bool,
    "review_within_days": int,
    "tell_recipients": bool,
    "uniform_answer": bool,
    "valid_days_at_most": int,
    "visibility": str,
}
"""Every obligation the hub understands, with the type of its value; an answer with another one is refused."""

REDACTIONS: Final = frozenset({"agreements", "band", "counterpart", "threat_level"})
"""Every part of an answer the hub knows how to leave out."""


class Reason(NamedTuple):
    """Why something was denied: a stable code and its parameters; the text lives in the console."""

    code: str
    params: tuple[tuple[str, Scalar], ...] = ()


class Obligation(NamedTuple):
    """What the hub must do with what it was allowed."""

    type: str
    value: Scalar


class Facts(dict[str, object]):
    """What policy is told of one record, never changed once made. `read`: by projections, so far."""

    __slots__ = ("read",)

    def __init__(self, fields: Mapping[str, object]) -> None:
        super().__init__(fields)
        self.read: dict[object, str] = {}


class PolicyRequest(NamedTuple):
    """One question. `subject`, `record` and `context` follow `policies/schemas/input/<package>.json`.

    Fields that the package does not declare in its projection may be present and are never read. `now` is 0
    for the moment of asking. Two requests with one package and one `fingerprint` agree in everything but
    `now`; it spares whoever asks again most of the work.
    """

    package: str
    action: str
    subject: Mapping[str, object]
    record: Mapping[str, object] | None = None
    context: Mapping[str, object] | None = None
    now: int = 0
    fingerprint: Hashable = None

    def to_input(self, now: int = 0) -> dict[str, object]:
        """The input for the engine, before projection, asked at `now`."""
        given: dict[str, object] = {
            "schema": SCHEMA,
            "action": self.action,
            "now": self.now or now,
            "subject": self.subject,
            "context": self.context or {},
        }
        if self.record is not None:
            given["record"] = self.record
        return given


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision. Inputs that agree in everything the package may read share one decision and its id.

    `id` is 16 random bytes in hexadecimal; `input_hash` the SHA-256 (hexadecimal) of the canonical
    projected input `projected`; both are empty where the input could not be projected.
    """

    id: str
    package: str
    allow: bool
    grants: tuple[str, ...]
    reasons: tuple[Reason, ...]
    obligations: tuple[Obligation, ...]
    redactions: tuple[str, ...]
    policy_revision: str
    data_revision: str
    input_hash: str
    projected: str = ""

    def obligation(self, kind: str) -> Scalar | None:
        """The value of one obligation, None where it was not imposed.

        Raises:
            KeyError: no such obligation exists; a mistyped name must not read as "not imposed".
        """
        _ = OBLIGATIONS[kind]
        for entry in self.obligations:
            if entry.type == kind:
                return entry.value
        return None

    @property
    def reason_codes(self) -> tuple[str, ...]:
        """The codes of the reasons, sorted."""
        return tuple(sorted({reason.code for reason in self.reasons}))
