"""Published lists as canonical rows."""

import json
from pathlib import Path

from passerelle.groups import EntityKind
from passerelle_connector.normalise import NameQuality, PartialDate, normalise
from passerelle_demo import lists

PERSON = {
    "ref": "A.1",
    "kind": "person",
    "gender": "Male",
    "nationalities": ["Iran (Islamic Republic of)"],
    "names": [
        {"name": "JAN PEETERS", "quality": "primary"},
        {"name": "Jean Peters; John Peters", "quality": "strong"},
    ],
    "births": [{"date": "1980-03-12"}, {"year": "1981"}, {"from": "1970", "to": "1972"}],
    "documents": [
        {"type": "Passport", "number": "AB123456", "country": "France"},
        {"type": "Passport", "number": "X"},
    ],
    "addresses": [{"city": "Gent", "country": "Belgium"}],
}
VESSEL = {"ref": "A.2", "kind": "vessel", "names": [{"name": "SEA STAR", "quality": "primary"}]}


def test_entries_become_rows(tmp_path: Path) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text("\n".join(json.dumps(entry) for entry in (PERSON, VESSEL)), "utf-8")
    (ref, row), (_, vessel) = lists.rows(path)
    result = normalise(row)
    assert ref == "A.1"
    assert result.problems == ()
    assert [form.quality for form in result.subject.names] == [
        NameQuality.PRIMARY,
        NameQuality.STRONG,
        NameQuality.STRONG,
    ]
    assert result.subject.births == (PartialDate(1980, 3, 12), PartialDate(1981))
    assert [item.value for item in result.subject.identifiers] == ["FRA:AB123456"]
    assert normalise(vessel).rejected
    assert normalise(vessel).subject.entity is EntityKind.MEANS
