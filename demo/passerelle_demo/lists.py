"""Published lists (UN, UK) as canonical rows: a real partner's file without a line of its own mapping code.

The input is JSON Lines, one entry each: `ref`, `kind` (person, organisation, vessel), `names` with a
quality, `births` (`date`, `year` or a range), `gender`, `nationalities`, `addresses`, `documents`. A vessel
is a means without a name of its own in the catalogue, so its row says nothing that can be matched and the
connector sets it aside.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

_KINDS: Final[Mapping[str, str]] = {"person": "person", "organisation": "organisation", "vessel": "means"}
_PASSPORTS: Final = ("passport", "passeport", "pasaporte")


def rows(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """(reference, canonical row) of each entry of a list, in the order of the file."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            yield entry["ref"], canonical(entry)


def canonical(entry: Mapping[str, Any]) -> dict[str, object]:
    """The canonical row of one entry.

    Several names in one field, parted by semicolons, become several names.
    """
    row: dict[str, object] = {
        "entity": _KINDS[entry["kind"]],
        "names": [
            {"name": name.strip(), "quality": item["quality"]}
            for item in entry["names"]
            for name in item["name"].split(";")
            if name.strip()
        ],
    }
    births = [birth.get("date") or birth.get("year") for birth in entry.get("births", ())]
    row["born"] = [birth for birth in births if birth]
    row["sex"] = entry.get("gender")
    row["nationality"] = entry.get("nationalities")
    row["addresses"] = [
        {"street": item.get("street"), "locality": item.get("city"), "country": item.get("country")}
        for item in entry.get("addresses", ())
    ]
    row["passport"] = [
        {"number": item["number"], "state": item["country"]}
        for item in entry.get("documents", ())
        if "country" in item and any(word in item["type"].lower() for word in _PASSPORTS)
    ]
    return {name: value for name, value in row.items() if value}
