"""Marking: what a record says about how it may be used, readable by the hub and bound by signature.

Terms follow Directive (EU) 2016/680 (arts. 6 and 7), the law of 29 March 2024 on the T.E.R. common
database, the Europol handling codes and TLP 2.0. A marking holds no identifier and no narrative.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from passerelle.errors import PasserelleError


class Classification(IntEnum):
    """Ordered: a clearance covers every classification up to its own."""

    UNCLASSIFIED = 1
    RESTRICTED = 2
    CONFIDENTIAL = 3
    SECRET = 4
    TOP_SECRET = 5


class Handling(StrEnum):
    """Handling codes (Europol): what the receiver may do."""

    H0 = "H0"
    H1 = "H1"
    H2 = "H2"
    H3 = "H3"


class Tlp(StrEnum):
    """Traffic light protocol 2.0."""

    CLEAR = "clear"
    GREEN = "green"
    AMBER = "amber"
    AMBER_STRICT = "amber+strict"
    RED = "red"


class TerCategory(StrEnum):
    """Category of a person or organisation in the T.E.R. common database."""

    NONE = "none"
    FOREIGN_TERRORIST_FIGHTER = "foreign_terrorist_fighter"
    HOMEGROWN_TERRORIST_FIGHTER = "homegrown_terrorist_fighter"
    HATE_PROPAGANDIST = "hate_propagandist"
    POTENTIALLY_VIOLENT_EXTREMIST = "potentially_violent_extremist"
    TERRORISM_CONVICT = "terrorism_convict"
    PRE_INVESTIGATION = "pre_investigation"


class SubjectCategory(StrEnum):
    """Data-subject category (Directive (EU) 2016/680 art. 6); no query may aim at a child of a fighter."""

    SUSPECT = "suspect"
    CONVICTED = "convicted"
    VICTIM = "victim"
    WITNESS = "witness"
    CONTACT = "contact"
    CHILD_OF_FIGHTER = "child_of_fighter"
    OTHER = "other"


class ThreatLevel(IntEnum):
    """Outcome of an assessment by gravity and likelihood."""

    LOW = 1
    MEDIUM = 2
    SERIOUS = 3
    VERY_SERIOUS = 4


class Basis(StrEnum):
    """Whether a record states a fact or a personal assessment (Directive (EU) 2016/680 art. 7)."""

    FACT = "fact"
    ASSESSMENT = "assessment"


class AgeBand(StrEnum):
    """Age band of the data subject at submission; the birth date itself stays sealed."""

    ADULT = "adult"
    MINOR = "minor"
    UNDER_TWELVE = "under_12"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Grading:
    """Source reliability and information credibility, 4x4 (A B C X by 1-4)."""

    reliability: str
    credibility: int

    def __post_init__(self) -> None:
        if self.reliability not in ("A", "B", "C", "X") or self.credibility not in (1, 2, 3, 4):
            raise PasserelleError("marking_invalid", "grading outside the 4x4 grid")

    @classmethod
    def from_admiralty(cls, reliability: str, credibility: int) -> Grading:
        """Map an Admiralty grade (A-F by 1-6) onto the 4x4 grid.

        Raises:
            PasserelleError: `marking_invalid`, outside the Admiralty grid.
        """
        letters = {"A": "A", "B": "B", "C": "B", "D": "C", "E": "C", "F": "X"}
        figures = {1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 6: 4}
        if reliability not in letters or credibility not in figures:
            raise PasserelleError("marking_invalid", "grade outside the Admiralty grid")
        return cls(letters[reliability], figures[credibility])


@dataclass(frozen=True, slots=True)
class Marking:
    """How one record may be used. Times elsewhere; here only codes from closed vocabularies.

    `releasable_to` empty means: whoever policy lets know. `purposes` and `legal_basis` are keys of the
    policy data, `handling_condition` names the condition of H3, `embargo_basis` is empty without embargo.
    """

    classification: Classification
    handling: Handling
    tlp: Tlp
    ter_category: TerCategory
    subject_category: SubjectCategory
    basis: Basis
    grading: Grading
    purposes: tuple[str, ...]
    legal_basis: str
    case_reference: str
    age_band: AgeBand = AgeBand.UNKNOWN
    handling_condition: str = ""
    embargo_basis: str = ""
    special_categories: tuple[str, ...] = ()
    releasable_to: tuple[str, ...] = ()

    @property
    def embargoed(self) -> bool:
        """Known to the director alone."""
        return bool(self.embargo_basis)
