"""What a demonstration plays: agencies with rows and mapping, the domain, what policy data say, the truth."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from passerelle_demo import lists
from passerelle_demo.synthetic import Federation, generate

Ref = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Cast:
    """One agency: id, name, its mapping (TOML with [source], [map], [marking]), its rows as files."""

    id: str
    name: str
    mapping: str
    files: Mapping[str, bytes]
    records: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole demonstration. `truth` holds pairs of (agency, reference) that are the same entity.

    `relations` are the relations of links that the truth speaks of, `states` those that count as found.
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


def synthetic(size: int, seed: int) -> Scenario:
    """Four fictional agencies with seeded rows."""
    federation: Federation = generate(size, seed)
    cast = tuple(
        Cast(
            id=agency.id,
            name=agency.name,
            mapping=agency.mapping.replace(f'path = "{agency.id}"', 'path = "data"') + _SYNTHETIC_MARKING,
            files={"records.csv": _csv(agency.rows)},
            records=len(agency.rows),
        )
        for agency in federation.agencies
    )
    return Scenario(
        title="four fictional agencies",
        domain="ter",
        tiers=("core", "strong"),
        cast=cast,
        truth=federation.truth,
        relations=frozenset({"same_person"}),
        states=frozenset({"notified"}),
        purpose="counter_terrorism",
        legal_basis="be_ter_2024",
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


def policy_data(scenario: Scenario) -> dict[str, object]:
    """The operator's own policy documents: the agencies of the scenario."""
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
            }
            for one in scenario.cast
        }
    }


def _csv(rows: Iterable[Mapping[str, str]]) -> bytes:
    listed = list(rows)
    columns = list(dict.fromkeys(name for row in listed for name in row))
    sink = io.StringIO(newline="")
    writer = csv.DictWriter(sink, columns, restval="")
    writer.writeheader()
    writer.writerows(listed)
    return sink.getvalue().encode()
