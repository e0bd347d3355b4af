"""A row before tokenisation: normalised, marked, keyed, or refused with a code.

Everything here is a function of the row and the configuration; nothing is kept. A refusal and a warning
name the row's reference, a code and a field, never a value.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from passerelle.catalogue import Catalogue, Tier
from passerelle.errors import PasserelleError
from passerelle.marking import AgeBand, Marking
from passerelle.record import MAX_FRAME_BYTES, Lifetime
from passerelle_connector.keys import Key, derive
from passerelle_connector.marking import MarkingPlan, age_band
from passerelle_connector.model import Reject
from passerelle_connector.normalise import Settings, Severity, Subject, normalise
from passerelle_connector.sources import RawRow


@dataclass(frozen=True, slots=True)
class Prepared:
    """A row ready to be tokenised; `notes` are warnings, none of them fatal."""

    raw: RawRow
    subject: Subject
    marking: Marking
    lifetime: Lifetime
    keys: tuple[Key, ...]
    notes: tuple[Reject, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that goes no further, and why."""

    notes: tuple[Reject, ...]


@dataclass(frozen=True, slots=True)
class Preparation:
    """The configured way from row to keys. Stateless: safe to share between threads."""

    catalogue: Catalogue
    tiers: Collection[Tier]
    marking: MarkingPlan
    settings: Settings

    def prepare(self, raw: RawRow, now: int) -> Prepared | Refused:
        """Steps: (1) normalise, (2) marking and dates, (3) age and size, (4) keys; `now` in microseconds."""
        normalised = normalise(raw.fields, self.settings)  # (1)
        notes = [Reject(raw.reference, item.code, item.target, False, now) for item in raw.warnings]
        notes.extend(
            Reject(raw.reference, item.code, item.field, item.severity is Severity.REJECT, now)
            for item in normalised.problems
        )
        if normalised.rejected:
            return Refused(tuple(notes))
        try:
            lifetime = self.marking.lifetime(raw.marking, now)  # (2)
            births = [birth.iso() for birth in normalised.subject.births]
            marking = self.marking.mark(raw.marking, age_band(births, lifetime.collected or now))
            if marking.age_band is AgeBand.UNDER_TWELVE:  # (3)
                raise PasserelleError("row_subject_under_12")
            if _large(raw):
                raise PasserelleError("row_too_large")
            keys = derive(normalised.subject, self.catalogue, self.tiers)  # (4)
            if not keys:
                raise PasserelleError("row_no_identifier")
        except PasserelleError as error:
            return Refused((*notes, Reject(raw.reference, error.code, error.detail, True, now)))
        return Prepared(raw, normalised.subject, marking, lifetime, keys, tuple(notes))


def _large(raw: RawRow) -> bool:
    """Whether the sections could outgrow a frame; fields count twice, for what was made of them."""
    texts = [
        str(value) for fields in (raw.fields, raw.fields, *raw.sealed.values()) for value in fields.values()
    ]
    return sum(len(text.encode()) for text in texts) > MAX_FRAME_BYTES // 4
