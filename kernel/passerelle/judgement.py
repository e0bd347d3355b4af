"""A judgement: what a named person of an agency finds of a link that the agency was told of.

Signed by the agency, answered by the hub with a signed receipt. A judgement is never overwritten: who thinks
otherwise later gives another one, and of each agency the last one counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from passerelle.clock import SECOND
from passerelle.notification import LinkState

JUDGEMENT_TYPE: Final = "application/vnd.passerelle.judgement.v1"
RECEIPT_TYPE: Final = "application/vnd.passerelle.judgement-receipt.v1"
MAX_TEXT: Final = 128
WINDOW: Final = 300 * SECOND
"""How far a judgement's time may be from the hub's, either way."""


class Verdict(StrEnum):
    """What is found; colours of Regulation (EU) 2019/818 arts. 28-36."""

    UNDER_REVIEW = "under_review"
    """Yellow: somebody looks at it."""
    CONFIRMED_JUSTIFIED = "confirmed_justified"
    """White: the same, and rightly so."""
    CONFIRMED_UNJUSTIFIED = "confirmed_unjustified"
    """Red: the same in two guises that are not justified, as with identity fraud."""
    REFUTED = "refuted"
    """Green: different persons, organisations or things."""
    UNDETERMINED = "undetermined"
    """Yellow: looked at, and it cannot be told."""


class Reason(StrEnum):
    """What a judgement rests on; a code, so that no narrative leaves the agency."""

    TAKEN_UP = "taken_up"
    DOCUMENTS = "documents"
    BIOMETRICS = "biometrics"
    FILE = "file"
    COUNTERPART = "counterpart"
    NAMESAKE = "namesake"
    RELATIVE = "relative"
    DATA_ERROR = "data_error"
    TOO_LITTLE = "too_little"


_COMPARED: Final = frozenset({Reason.DOCUMENTS, Reason.BIOMETRICS, Reason.FILE, Reason.COUNTERPART})

REASONS: Final[Mapping[Verdict, frozenset[Reason]]] = {
    Verdict.UNDER_REVIEW: frozenset({Reason.TAKEN_UP, Reason.FILE, Reason.COUNTERPART}),
    Verdict.CONFIRMED_JUSTIFIED: _COMPARED,
    Verdict.CONFIRMED_UNJUSTIFIED: _COMPARED,
    Verdict.REFUTED: _COMPARED | {Reason.NAMESAKE, Reason.RELATIVE, Reason.DATA_ERROR},
    Verdict.UNDETERMINED: frozenset({Reason.TOO_LITTLE, Reason.FILE, Reason.COUNTERPART}),
}
"""What each verdict may rest on."""

STATES: Final[Mapping[Verdict, LinkState]] = {
    Verdict.UNDER_REVIEW: LinkState.UNDER_REVIEW,
    Verdict.CONFIRMED_JUSTIFIED: LinkState.CONFIRMED,
    Verdict.CONFIRMED_UNJUSTIFIED: LinkState.CONFIRMED,
    Verdict.REFUTED: LinkState.REFUTED,
    Verdict.UNDETERMINED: LinkState.UNDETERMINED,
}
"""The state of a link by what it is found to be."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is found of which link, by whom and why.

    Ids are 16 bytes, `judgement_id` random and used once; `created` microseconds (UTC); `clearance` is the
    person's, 1 to 5.
    """

    audience: str
    agency: str
    connector: str
    judgement_id: bytes
    created: int
    link_id: bytes
    verdict: Verdict
    reason: Reason
    purpose: str
    legal_basis: str
    case_reference: str
    user: str
    clearance: int


@dataclass(frozen=True, slots=True)
class JudgementReceipt:
    """The hub's answer: what the link is from now on. `statement` is the SHA-256 of the judgement's bytes."""

    hub: str
    agency: str
    judgement_id: bytes
    statement: bytes
    recorded: int
    link_id: bytes
    state: LinkState
    verdict: Verdict
    decision_id: str
    policy_revision: str
    audit_event: bytes
