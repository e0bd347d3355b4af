"""What the hub tells an agency about a link: never a value, a name or a narrative.

A notification is signed by the hub, sealed to the agency's current sealing key, ordered by a sequence
without gaps per agency, and delivered at least once until acknowledged. Everything in it is computed
from records and links that this agency may know (see docs/flows/way-of-a-record.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

DIRECTOR: Final = "director"
"""The visibility of what goes to the director's desk, which may hold neither record."""

MAX_OWN_RECORDS: Final = 1_000


class NotificationKind(StrEnum):
    """What a notification is about."""

    LINK = "link"
    FIRST_DOT = "first_dot"
    """Three agencies or more hold records of one entity."""
    QUERY = "query"
    """Another agency's one-off query found a record of the recipient's."""


class Relation(StrEnum):
    """What a link says of the two records."""

    SAME_PERSON = "same_person"
    SAME_ORGANISATION = "same_organisation"
    SHARED_MEANS = "shared_means"


class Band(StrEnum):
    """Quality band of a link, best first; the odds behind each stand in the weights table.

    *Weak* is never notified; *withheld* is what an agency sees that may know of a link but not how good.
    """

    VERY_STRONG = "very_strong"
    STRONG = "strong"
    POSSIBLE = "possible"
    WEAK = "weak"
    WITHHELD = "withheld"


class LinkState(StrEnum):
    """States of a link (DOMAIN.md); colours of Regulation (EU) 2019/818 arts. 28-36."""

    CANDIDATE = "candidate"
    SUPPRESSED = "suppressed"
    DIRECTOR_ONLY = "director_only"
    NOTIFIED = "notified"
    UNDER_REVIEW = "under_review"
    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNDETERMINED = "undetermined"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Agreement:
    """One proven agreement: field, level, weight in bits; never the value."""

    field: str
    level: str
    bits: float


@dataclass(frozen=True, slots=True)
class LogProof:
    """Proof that a leaf stands in the log: event path inside its tick, tick path inside the tree.

    `tree_size` and `root` name the checkpoint; hashes are 32 bytes each.
    """

    event_index: int
    event_path: tuple[bytes, ...]
    tick: int
    tick_path: tuple[bytes, ...]
    tree_size: int
    root: bytes


class Notification(NamedTuple):
    """A linked-entity notification to one agency.

    Ids are 16 bytes; `created`, `deadline` and `expiry` microseconds (UTC), 0 where absent. `own_records`
    are the recipient's own record ids, `counterpart` an agency or `coordinator` where policy hides it.
    A first dot names one of the recipient's own links, says in `agencies` how many agencies hold records of
    the entity as far as the recipient may know, and its counterpart is the one that came last. Of a query,
    `link_id` is the query's id and the counterpart is the agency that asked. `verdict` is what people's
    judgements of the link come to (`passerelle.judgement`), empty before there is one.
    """

    notification_id: bytes
    link_id: bytes
    recipient: str
    created: int
    own_records: tuple[bytes, ...]
    counterpart: str
    visibility: str
    relation: Relation
    band: Band
    state: LinkState
    agreements: tuple[Agreement, ...]
    odds: str
    handling: str
    urgency: str
    purposes: tuple[str, ...]
    legal_basis: str
    actions: tuple[str, ...]
    obligations: tuple[str, ...]
    decision_id: str
    policy_revision: str
    weights: str
    threat_level: int = 0
    deadline: int = 0
    contact: str = ""
    expiry: int = 0
    kind: NotificationKind = NotificationKind.LINK
    agencies: int = 0
    verdict: str = ""
