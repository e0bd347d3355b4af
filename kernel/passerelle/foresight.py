"""Who would learn what: an imagined record, and what policy would tell each class of counterpart of a match.

Nothing here names a record or an agency: a class is a kind of service, a line says for how many of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from passerelle.groups import EntityKind
from passerelle.marking import Marking

MAX_TIERS: Final = 16
MAX_MARKING: Final = 16 * 1024
IDENTIFIERS, NAMES = "identifiers", "names"
"""Kinds of evidence: what alone can prove a match, and names, which make a candidate at most."""


@dataclass(frozen=True, slots=True)
class Imagined:
    """A record that was not submitted: `tiers` are those of the match keys that it would have."""

    domain: str
    entity: EntityKind
    marking: Marking
    tiers: tuple[str, ...]
    language: str


@dataclass(frozen=True, slots=True)
class Learned:
    """What one class of counterpart would be told; the texts are in the language that was asked for.

    `visibility` is empty where nothing would be told, and `reasons` say why; `named` is whether the asking
    agency would be named to them.
    """

    counterpart: str
    evidence: str
    agencies: int
    visibility: str
    named: bool
    conditions: tuple[str, ...]
    withheld: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Foresight:
    """The answer: whether the record would be taken, and if not why; who would learn what."""

    taken: bool
    refusals: tuple[str, ...]
    learned: tuple[Learned, ...]
    policy_revision: str
    data_revision: str
