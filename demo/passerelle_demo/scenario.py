"""What a demonstration plays: agencies with rows and mapping, the domain, what policy data say, the truth."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from passerelle_demo import delicate, lists
from passerelle_demo.delicate import Case
from passerelle_demo.parties import TRUSTEES, trustee_identity
from passerelle_demo.synthetic import Agency, generate

Ref = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Cast:
    """One party: id, name, its mapping (TOML with [source], [map], [marking]), its rows as files.

    `standing` is where its policy data differ from those of an agency with all rights.
    """

    id: str
    name: str
    mapping: str
    files: Mapping[str, bytes]
    records: int
    standing: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole demonstration. `truth` holds pairs of (agency, reference) that are the same entity.

    `relations` are the relations of links that the truth speaks of, `states` those that count as found.
    `guests` take part beside the agencies of the cast, `desk` is the director's, `cases` the delicate ones.
    """

    title: str
    domain: str
    tiers: tuple[str, ...]
    cast: tuple[Cast, ...]
    truth: frozenset[tuple[Ref, Ref]]
    relations: frozenset[str]
    states: frozenset[str]
    purpose: str
    legal_basis: str
    guests: tuple[Cast, ...] = ()
    desk: Cast | None = None
    cases: tuple[Case, ...] = ()

    @property
    def members(self) -> tuple[Cast, ...]:
        """Everybody who holds rows: the cast and its guests."""
        return (*self.cast, *self.guests)

    @property
    def parties(self) -> tuple[Cast, ...]:
        """Everybody who runs a connector."""
        return self.members if self.desk is None else (*self.members, self.desk)


_SYNTHETIC_MARKING = """
[marking]
classification = "restricted"
handling = "H0"
tlp = "amber"
purposes = "counter_terrorism"
legal_basis = "be_ter_2024"
case_reference = "demo"
"""

_LIST_MAPPING = """\
[source]
kind = "folder"
path = "data"
reference = "ref"

[map]
{targets}

[marking]
classification = "unclassified"
handling = "H0"
tlp = "clear"
purposes = "sanctions"
legal_basis = "published_list"
case_reference = "published list"
"""


def synthetic(size: int, seed: int, delicate_at: int | None = None) -> Scenario:
    """Four fictional agencies with seeded rows; the delicate cases where a time (microseconds) is given."""
    plain = generate(size, seed)
    scenario = Scenario(
        title="four fictional agencies",
        domain="ter",
        tiers=("core", "strong"),
        cast=tuple(_synthetic_cast(agency) for agency in plain.agencies),
        truth=plain.truth,
        relations=frozenset({"same_person"}),
        states=frozenset({"notified"}),
        purpose="counter_terrorism",
        legal_basis="be_ter_2024",
    )
    if delicate_at is None:
        return scenario
    made = delicate.added(plain, seed, delicate_at)
    standing = delicate.STANDING
    desk_mapping = delicate.DESK_MAPPING + _SYNTHETIC_MARKING
    return replace(
        scenario,
        cast=tuple(_synthetic_cast(agency) for agency in made.federation.agencies),
        truth=made.federation.truth,
        states=frozenset({"notified", "director_only"}),
        guests=(replace(_synthetic_cast(made.register), standing=standing[made.register.id]),),
        desk=Cast(delicate.DESK, delicate.DESK_NAME, desk_mapping, {}, 0, standing[delicate.DESK]),
        cases=made.cases,
    )


def _synthetic_cast(agency: Agency) -> Cast:
    return Cast(
        id=agency.id,
        name=agency.name,
        mapping=agency.mapping.replace(f'path = "{agency.id}"', 'path = "data"') + _SYNTHETIC_MARKING,
        files={"records.csv": _csv(agency.rows)},
        records=len(agency.rows),
    )


def published(files: tuple[Path, Path], truth: Path) -> Scenario:
    """Two published lists, one agency each, in a domain whose policy allows the names tier."""
    cast = tuple(_list_cast(file) for file in files)
    first, second = (one.id for one in cast)
    with truth.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))[1:]
    return Scenario(
        title="two published lists",
        domain="lists",
        tiers=("core", "strong", "names"),
        cast=cast,
        truth=frozenset(((first, row[0]), (second, row[1])) for row in rows),
        relations=frozenset({"same_person", "same_organisation"}),
        states=frozenset({"candidate", "notified"}),
        purpose="sanctions",
        legal_basis="published_list",
    )


def _list_cast(file: Path) -> Cast:
    rows = [{"ref": ref, **row} for ref, row in lists.rows(file)]
    targets = sorted({name for row in rows for name in row} - {"ref"})
    body = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    name = "".join(letter for letter in file.stem.lower() if letter.isalnum()) or "list"
    return Cast(
        id=f"{name}-list",
        name=f"Keeper of the {file.stem} list",
        mapping=_LIST_MAPPING.format(targets="\n".join(f'{target} = "{target}"' for target in targets)),
        files={"records.jsonl": body.encode() + b"\n"},
        records=len(rows),
    )


_TRUSTEE: Mapping[str, object] = {
    "role": "trustee",
    "status": "active",
    "rights": [],
    "clearance": 1,
    "domains": [],
    "purposes": [],
    "legal_bases": [],
    "acts_as": ["trustee"],
    "shown_by_name": True,
    "threat_levels": False,
}


def policy_data(scenario: Scenario) -> dict[str, object]:
    """The operator's own policy documents: the parties of the scenario."""
    return {
        "agencies.json": {
            one.id: {
                "role": "basic",
                "status": "active",
                "rights": ["read", "write", "query"],
                "clearance": 3,
                "domains": [scenario.domain],
                "purposes": [scenario.purpose],
                "legal_bases": [scenario.legal_basis],
                "acts_as": ["connector", "analyst"],
                "shown_by_name": True,
                "threat_levels": True,
                **one.standing,
            }
            for one in scenario.parties
        }
        | {trustee_identity(index).agency: _TRUSTEE for index in range(1, TRUSTEES + 1)}
    }


def _csv(rows: Iterable[Mapping[str, str]]) -> bytes:
    listed = list(rows)
    columns = list(dict.fromkeys(name for row in listed for name in row))
    sink = io.StringIO(newline="")
    writer = csv.DictWriter(sink, columns, restval="")
    writer.writeheader()
    writer.writerows(listed)
    return sink.getvalue().encode()
