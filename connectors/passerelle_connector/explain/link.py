"""A notification's evidence as a waterfall that anybody can read.

(1) where one starts: the prior, the odds that two records agree before anything is compared;
(2) one line for each proven level of a field, each disagreement, each correction, strongest first, with the
    factor by which it changes the odds (two to the power of its bits);
(3) the sum: the odds of all together, the band, and the version of the weights;
(4) what people found of the link since, once somebody judged it.

Everything comes from the notification, which holds no value. Where policy withholds agreements or band the
explanation says so instead. A first dot is about more than two records and has no waterfall: it says how many
agencies there are, and each link's own notification says why. Neither has a query, of which nothing is kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from passerelle.notification import Agreement, Band, Notification, NotificationKind
from passerelle_connector.explain.words import Words

PRIOR: Final = "prior"


@dataclass(frozen=True, slots=True)
class Line:
    """One step of the waterfall: what it says, its weight in bits, the factor in words (`× 250`)."""

    text: str
    bits: float
    factor: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """`headline`, the lines of steps 1 and 2, the sum of step 3 (`total` in bits), step 4 where it is due."""

    headline: str
    lines: tuple[Line, ...]
    total: float
    summary: str
    weights: str
    found: str = ""

    def texts(self) -> Iterator[str]:
        """Line by line, for a terminal."""
        yield self.headline
        for line in self.lines:
            yield f"  {line.text} ({line.factor})"
        yield self.summary
        if self.found:
            yield self.found


def explain(note: Notification, language: Words) -> Explanation:
    """Why the records of a notification were linked, and what people found of it."""
    told = _explained(note, language)
    if not note.verdict:
        return told
    return replace(told, found=language.sentences["found"].format(state=said_of(note, language.states)))


def said_of(note: Notification, states: Mapping[str, str]) -> str:
    """The state of a notification's link in words: what people found, else how it stands."""
    code = note.verdict or note.state.value
    return states.get(code, code)


def _explained(note: Notification, language: Words) -> Explanation:
    relation = language.relations[note.relation.value]
    counterpart = language.sentences["coordinator"] if note.counterpart == "coordinator" else note.counterpart
    headline = language.sentences["headline"].format(counterpart=counterpart, relation=relation)
    if note.kind is NotificationKind.FIRST_DOT:
        told = language.sentences["first_dot"].format(agencies=note.agencies, relation=relation)
        return Explanation(headline, (), 0.0, told, note.weights)
    if note.kind is NotificationKind.QUERY:
        asked = language.sentences["asked"].format(counterpart=counterpart, relation=relation)
        return Explanation(asked, (), 0.0, language.sentences["asked_why"], note.weights)
    if not note.agreements:
        return Explanation(headline, (), 0.0, language.sentences["withheld"], note.weights)
    total = sum(row.bits for row in note.agreements)
    return Explanation(
        headline, tuple(_lines(note, language)), total, _summary(note, total, language), note.weights
    )


def _lines(note: Notification, language: Words) -> Iterator[Line]:
    """Steps 1 and 2."""
    rows = sorted(note.agreements, key=lambda row: (row.field != PRIOR, -row.bits))
    for row in rows:
        yield Line(_said(row, language), row.bits, _factor(row.bits, language))


def _said(row: Agreement, language: Words) -> str:
    if not row.level:
        return language.factors.get(row.field, row.field)
    field = language.fields.get(row.field, row.field)
    return f"{field}: {language.levels.get(row.level, row.level)}"


def _factor(bits: float, language: Words) -> str:
    sign = "×" if bits >= 0 else "÷"
    factor = 2 ** min(abs(bits), 300.0)
    return f"{sign} {language.number(factor) if factor >= 10 else round(factor, 1)}"


def _summary(note: Notification, total: float, language: Words) -> str:
    """Step 3; odds of less than one to one are told the other way round."""
    said = "odds_for" if total >= 0 else "odds_against"
    odds = language.number(math.ceil(2 ** min(abs(total), 300.0)))
    text = language.sentences[said].format(odds=odds, relation=language.relations[note.relation.value])
    if note.band is Band.WITHHELD:
        return text
    return f"{text} {language.sentences['band'].format(band=language.bands[note.band.value])}"
