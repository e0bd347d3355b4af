"""A one-off query: a question of one agency to the hub, and the hub's answer, both signed.

The question carries tokens and is never indexed. The answer tells of each record found what policy lets the
asker know, never a value, and is `ANSWER_BYTES` long whatever it says: nothing found, nothing that may be
told, or as much as there is room for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from passerelle.clock import SECOND
from passerelle.groups import EntityKind
from passerelle.notification import Agreement, Band, Relation

QUESTION_TYPE: Final = "application/vnd.passerelle.query-question.v1"
ANSWER_TYPE: Final = "application/vnd.passerelle.query-answer.v1"
ANSWER_BYTES: Final = 8192
MAX_HITS: Final = 8
MAX_TOKENS: Final = 256
MAX_TEXT: Final = 128
WINDOW: Final = 300 * SECOND
"""How far a question's time may be from the hub's, either way; its id is remembered for longer."""
CHANNELS: Final = ("automatic", "manual")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, by whom and why.

    `query_id` is 16 random bytes, `created` microseconds (UTC); `tokens` are 16 bytes for each of `kinds`.
    """

    audience: str
    agency: str
    connector: str
    query_id: bytes
    created: int
    domain: str
    epoch: int
    normaliser: str
    catalogue: str
    purpose: str
    legal_basis: str
    case_reference: str
    user: str
    clearance: int
    channel: str
    entity: EntityKind
    age_band: str
    subject_category: str
    special_categories: tuple[str, ...]
    kinds: tuple[int, ...]
    tokens: bytes


@dataclass(frozen=True, slots=True)
class Hit:
    """One record found, as far as the asker may know of it."""

    counterpart: str
    visibility: str
    relation: Relation
    band: Band
    agreements: tuple[Agreement, ...]
    handling: str
    obligations: tuple[str, ...]
    decision_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The hub's answer; `question` is the SHA-256 of the question's exact bytes."""

    hub: str
    agency: str
    query_id: bytes
    question: bytes
    answered: int
    hits: tuple[Hit, ...]
    more: bool
    decision_id: str
    policy_revision: str
    weights: str
    audit_event: bytes

    @property
    def hit(self) -> bool:
        """Whether anything is told."""
        return bool(self.hits)
