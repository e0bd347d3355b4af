"""Who would learn what: what `match` and `notify` would tell of a record that was not submitted.

(1) would the hub take it at all (`submission`);
(2) each other agency that could submit or be told is imagined with a record of its own in the same domain,
    unclassified, for every purpose of that agency;
(3) `match`, once for identifiers and once for names where the record would have such keys, says how far the
    link may rise; `notify` says what the imagined counterpart is told of it; the director's desk where the
    record is under embargo;
(4) agencies with one answer are counted together by class: basic, partner, query_right, director.

Rights of agencies are policy data and are shown as classes and counts, never by name. No store is read: the
answer is the same whatever the hub holds, and no decision of before shortens the time it takes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from passerelle.codec.header import encode_marking
from passerelle.foresight import IDENTIFIERS, NAMES, Foresight, Imagined, Learned
from passerelle.identity import Identity
from passerelle.marking import Classification, Handling
from passerelle.notification import LinkState
from passerelle.policy_words import PolicyWords, policy_words
from passerelle.record import RecordAction
from passerelle_hub import facts
from passerelle_hub.decisions import Decisions
from passerelle_hub.explain.decision import lines
from passerelle_hub.facts import Side
from passerelle_hub.policy.model import PolicyRequest
from passerelle_hub.policy.outcome import Outcome

_CLASSES = ("basic", "partner", "query_right", "director")
_SHOWN = frozenset({"visibility", "counterpart"})
"""Obligations that stand in fields of their own."""
_TOLD = frozenset({"match", "candidate", "existence", "director"})


@dataclass(frozen=True, slots=True)
class _Case:
    """One imagined counterpart and one kind of evidence."""

    agency: str
    counterpart: str
    evidence: str
    theirs: Side
    tiers: tuple[str, ...]


class Foreseer:
    """Imagines. Blocking and without a store; a preview costs two or three calls of the engine."""

    def __init__(self, decisions: Decisions, director: str, normaliser: str) -> None:
        self._decisions = decisions
        self._director = director
        self._normaliser = normaliser

    def foresee(self, caller: Identity, imagined: Imagined) -> Foresight:
        """What would become known of a record of the caller's.

        Raises:
            PasserelleError: `language_unknown`.
        """
        words, bundle = policy_words(imagined.language), self._decisions.bundle
        own = Side(encode_marking(imagined.marking), caller.agency, imagined.domain)
        (submitted,) = self._decisions.foresee("submission", [self._submission(caller, imagined)])  # (1)
        cases = list(self._cases(caller.agency, imagined, bundle.reference))  # (2)
        counted: Counter[Learned] = Counter()
        for case, outcome in zip(cases, self._told(own, cases), strict=True):  # (3)
            counted[_learned(case, outcome, words)] += 1
        rows = [replace(one, agencies=count) for one, count in counted.items()]  # (4)
        return Foresight(
            taken=submitted.allow,
            refusals=tuple(line.text for line in lines(submitted, words) if line.kind == "reason"),
            learned=tuple(sorted(rows, key=_order)),
            policy_revision=bundle.policy_revision,
            data_revision=bundle.data_revision,
        )

    def _submission(self, caller: Identity, imagined: Imagined) -> PolicyRequest:
        return facts.submission(
            caller.agency,
            caller.role.value,
            (imagined.domain, self._normaliser),
            RecordAction.PUT,
            imagined.entity,
            encode_marking(imagined.marking),
            imagined.tiers,
        )

    def _cases(self, agency: str, imagined: Imagined, reference: Mapping[str, Any]) -> Iterator[_Case]:
        plain = replace(
            imagined.marking,
            classification=Classification.UNCLASSIFIED,
            handling=Handling.H0,
            handling_condition="",
            embargo_basis="",
            releasable_to=(),
        )
        for evidence, tiers in _evidence(imagined.tiers, reference["tiers"]):
            for name, entry in sorted(reference["agencies"].items()):
                desk = name == self._director and imagined.marking.embargoed
                told = desk or "analyst" in entry["acts_as"]
                if name == agency or not told or entry["status"] != "active":
                    continue
                marking = replace(plain, purposes=tuple(entry["purposes"]))
                theirs = Side(encode_marking(marking), name, imagined.domain)
                yield _Case(name, _class_of(entry), evidence, theirs, tiers)

    def _told(self, own: Side, cases: Sequence[_Case]) -> list[Outcome]:
        """Step 3; a link that may not be is what `match` says against it."""
        linked = self._decisions.foresee(
            "match", [facts.match(own, case.theirs, case.tiers) for case in cases]
        )
        asked = [
            self._notification(own, case, link)
            for case, link in zip(cases, linked, strict=True)
            if link.allow
        ]
        told = iter(self._decisions.foresee("notify", asked))
        return [next(told) if link.allow else link for link in linked]

    def _notification(self, own: Side, case: _Case, link: Outcome) -> PolicyRequest:
        obliged = {item.type: item.value for item in link.obligations}
        if obliged.get("director_only"):
            role = "director" if case.agency == self._director else "analyst"
            return facts.notify(case.agency, role, case.theirs, own, LinkState.DIRECTOR_ONLY.value)
        candidate = case.evidence == NAMES or obliged.get("link_at_most") == LinkState.CANDIDATE.value
        state = LinkState.CANDIDATE if candidate else LinkState.NOTIFIED
        return facts.notify(case.agency, "analyst", case.theirs, own, state.value)


def _evidence(
    tiers: Sequence[str], known: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The kinds of evidence that keys of these tiers could give; an unknown tier proves nothing."""
    strong = tuple(tier for tier in tiers if tier in known and not known[tier]["candidate_only"])
    weak = tuple(tier for tier in tiers if tier in known and known[tier]["candidate_only"])
    if strong:
        yield IDENTIFIERS, strong
    if weak:
        yield NAMES, weak


def _class_of(entry: Mapping[str, Any]) -> str:
    if "query" in entry["rights"] and "read" not in entry["rights"]:
        return "query_right"
    return str(entry["role"]) if entry["role"] in _CLASSES else "partner"


def _learned(case: _Case, outcome: Outcome, words: PolicyWords) -> Learned:
    said = list(lines(outcome, words))
    obliged = {item.type: item.value for item in outcome.obligations}
    visibility = str(obliged.get("visibility", "")) if outcome.allow else ""
    return Learned(
        counterpart="director" if visibility == "director" else case.counterpart,
        evidence=case.evidence,
        agencies=0,
        visibility=visibility if visibility in _TOLD else "",
        named=obliged.get("counterpart") == "named",
        conditions=tuple(line.text for line in said if line.kind == "obligation" and line.code not in _SHOWN),
        withheld=tuple(line.text for line in said if line.kind == "redaction"),
        reasons=tuple(line.text for line in said if line.kind == "reason"),
    )


def _order(one: Learned) -> tuple[int, str, bool, int]:
    return _CLASSES.index(one.counterpart), one.evidence, not one.visibility, -one.agencies
