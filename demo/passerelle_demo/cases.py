"""What came of the delicate cases, party by party: notifications that speak of a case, and refusals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from passerelle.errors import table
from passerelle.notification import Notification
from passerelle_demo.delicate import Case
from passerelle_demo.play import Outcome
from passerelle_demo.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Seen:
    """One case: states of its links at the hub, what each party was told, codes of refused rows by party."""

    case: Case
    links: tuple[str, ...]
    told: Mapping[str, tuple[Notification, ...]]
    refused: Mapping[str, tuple[str, ...]]


def seen(scenario: Scenario, outcome: Outcome) -> tuple[Seen, ...]:
    """Every delicate case of a scenario, in its order."""
    return tuple(_seen(case, scenario, outcome) for case in scenario.cases)


def _seen(case: Case, scenario: Scenario, outcome: Outcome) -> Seen:
    refs, names = set(case.rows), outcome.references
    rows = [
        row
        for row in outcome.hub.links
        if {
            (row.low_agency, names[row.low_agency, row.low_record]),
            (row.high_agency, names[row.high_agency, row.high_record]),
        }
        & refs
    ]
    links = {row.link_id for row in rows}
    return Seen(
        case=case,
        links=tuple(row.state for row in rows),
        told={
            one.id: tuple(note for note in outcome.inboxes[one.id] if note.link_id in links)
            for one in scenario.parties
        },
        refused={
            agency: (outcome.rejects[agency][reference],)
            for agency, reference in case.rows
            if reference in outcome.rejects[agency]
        },
    )


def delicate_figures(scenario: Scenario, outcome: Outcome) -> dict[str, object]:
    """The cases as JSON, by name."""
    return {
        one.case.name: {
            "rule": one.case.rule,
            "rows": [list(row) for row in one.case.rows],
            "links": list(one.links),
            "told": {party: [_told(note) for note in notes] for party, notes in one.told.items()},
            "refused": {party: list(codes) for party, codes in one.refused.items()},
        }
        for one in seen(scenario, outcome)
    }


def _told(note: Notification) -> dict[str, object]:
    """What a notification says of the other side; it holds no value of anybody's record."""
    return {
        "visibility": note.visibility,
        "counterpart": note.counterpart,
        "contact": note.contact,
        "own_records": len(note.own_records),
        "band": note.band.value,
        "odds": note.odds,
        "agreements": [row.field for row in note.agreements],
        "handling": note.handling,
        "threat_level": note.threat_level,
        "obligations": list(note.obligations),
        "actions": list(note.actions),
    }


def delicate_lines(scenario: Scenario, outcome: Outcome) -> Iterator[str]:
    """The cases for people, line by line; nothing where a scenario has none."""
    if not scenario.cases:
        return
    yield ""
    yield "Delicate cases"
    for one in seen(scenario, outcome):
        yield f"  {_TITLES[one.case.name]} (rule {one.case.rule})"
        holders = dict.fromkeys(agency for agency, _ in one.case.rows)
        told = [party for party, notes in one.told.items() if notes]
        for party in dict.fromkeys((*holders, *told)):
            for code in one.refused.get(party, ()):
                yield f"    {party}: its own connector refused the row, {code}: {table()[code].cause}"
            for note in one.told[party]:
                yield f"    {party}: told of {note.counterpart}; {_summary(note)}"
            if not one.told[party] and party not in one.refused:
                yield f"    {party}: told nothing"
        if len(one.told) > len(set(holders) | set(told)):
            yield "    everybody else: told nothing"


def _summary(note: Notification) -> str:
    agree = [
        row.field for row in note.agreements if row.level and row.bits > 0
    ]  # prior and ceilings have none
    agreements = ", ".join(agree) or "withheld"
    carried = ", ".join(item for item in note.obligations if not item.startswith(_SAID)) or "none"
    return (
        f"sees {note.visibility}, band {note.band.value.replace('_', ' ')}, agreements {agreements}, "
        f"handling {note.handling}, obligations {carried}; may {', '.join(note.actions)}"
    )


_SAID = ("visibility=", "counterpart=")
_TITLES = {
    "embargo": "An embargoed record matches",
    "handling": "A record under handling code H2 matches",
    "query_right": "A service with query right alone holds a match",
    "child": "A record of a child under 12",
}
