"""The peers, each on one set: runs in the peers' own virtual environment and imports nothing of the project.

    python peer.py {splink,clk} FOLDER OUT

Reads the set in the simple form (see `sets`) and writes OUT, a CSV of `a,b,score` with every pair it thinks
worth a score; the score is a probability (Splink) or a Dice similarity (anonlink). The settings are made from
the columns that a set has, by one rule for all sets: nothing is tuned to one of them.
"""

from __future__ import annotations

import csv
import importlib
import itertools
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Rows = list[dict[str, str]]
SEED = 7
_REPEATED = "|"


def read(folder: Path) -> tuple[Rows, Rows]:
    """Both files of a set in lower case; the second is empty where the pairs are within the first."""
    found: list[Rows] = []
    for name in ("a.csv", "b.csv"):
        rows: Rows = []
        if (folder / name).exists():
            with (folder / name).open(encoding="utf-8", newline="") as lines:
                for row in csv.DictReader(lines):
                    rows.append(
                        {key: value if key == "ref" else value.strip().lower() for key, value in row.items()}
                    )
        found.append(rows)
    return found[0], found[1]


def columns(*sides: Rows) -> set[str]:
    """The columns that some record fills."""
    return {name for rows in sides for row in rows for name, value in row.items() if value}


def _peer(name: str) -> Any:
    """A module of the peers' environment, which this project does not know."""
    return importlib.import_module(name)


def iso(text: str) -> str:
    """A date as ISO where it is a full one, empty otherwise."""
    text = text.split(_REPEATED, maxsplit=1)[0]
    if len(text) == 8 and text.isdigit():
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return text if len(text) == 10 else ""


_BLOCKS = [
    ("family_name", "given_name"), ("born",), ("national_number",), ("phone",),
    ("postcode", "house_number"), ("locality", "house_number"), ("street", "house_number"),
    ("given_name", "postcode"), ("family_name", "postcode"), ("street", "postcode"),
    ("given_name", "locality"), ("family_name", "locality"), ("given_name", "street"),
    ("family_name", "street"), ("given_name", "house_number"), ("family_name", "house_number"),
]  # fmt: skip
_SESSIONS = [("given_name", "family_name"), ("born",), ("postcode",)]
_SURE = [("given_name", "family_name", "born"), ("national_number",)]


def splink(left: Rows, right: Rows) -> list[tuple[str, str, float]]:
    """Splink on plain text: its own comparisons for names, dates and text, EM training in blocks."""
    duckdb, pd, lib = _peer("duckdb"), _peer("pandas"), _peer("splink")
    have = columns(left, right)
    whole = "names" in have or "full_name" in have
    if whole:
        rules = [lib.block_on(name, arrays_to_explode=[name]) for name in ("names", "parts")]
        sessions, sure = [lib.block_on("primary")], [lib.block_on("primary")]
    else:
        rules, sessions, sure = (
            [lib.block_on(*two) for two in wanted if set(two) <= have]
            for wanted in (_BLOCKS, _SESSIONS, _SURE)
        )
    settings = lib.SettingsCreator(
        link_type="link_only" if right else "dedupe_only",
        unique_id_column_name="ref",
        comparisons=list(_comparisons(have, whole)),
        blocking_rules_to_generate_predictions=rules,
    )
    connection = duckdb.connect()
    connection.execute("SET lambda_syntax = 'ENABLE_SINGLE_ARROW'")  # what Splink 5.0.0 writes
    api = lib.DuckDBAPI(connection=connection)
    tables = [pd.DataFrame([_splink_row(row, have, whole) for row in rows]) for rows in (left, right) if rows]
    linker = lib.Linker([api.register(table) for table in tables], settings, log_level=None)
    if sure:
        linker.training.estimate_probability_two_random_records_match(sure, recall=0.7)
    linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=SEED)
    for rule in sessions:
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    frame = linker.inference.predict(threshold_match_probability=0.001).as_pandas_dataframe()
    return list(zip(frame["ref_l"], frame["ref_r"], frame["match_probability"], strict=True))


def _comparisons(have: set[str], whole: bool) -> Iterator[Any]:
    cl = _peer("splink.comparison_library")
    for name in sorted({"given_name", "family_name"} & have):
        yield cl.NameComparison(name).configure(term_frequency_adjustments=True)
    if whole:
        yield cl.PairwiseStringDistanceFunctionAtThresholds("names", "jaro_winkler", [0.96, 0.9, 0.8])
        yield cl.ArrayIntersectAtSizes("births", [1])
    elif "born" in have:
        yield cl.DateOfBirthComparison("born", input_is_string=True)
    for name in sorted({"street", "locality"} & have) if not whole else ():
        yield cl.LevenshteinAtThresholds(name, [1, 3]).configure(term_frequency_adjustments=True)
    for name in sorted({"postcode", "house_number", "phone", "email", "iban", "national_number"} & have):
        yield cl.LevenshteinAtThresholds(name, [1, 2])
    for name in sorted({"sex", "entity"} & have):
        yield cl.ExactMatch(name)
    if "middle_name" in have:
        yield cl.NameComparison("middle_name")


def _splink_row(row: dict[str, str], have: set[str], whole: bool) -> dict[str, Any]:
    made: dict[str, Any] = {
        name: row.get(name, "").split(_REPEATED)[0] or None for name in have if name != "ref"
    }
    made["ref"] = row["ref"]
    if "born" in have:
        made["born"] = iso(row.get("born", "")) or None
    if whole:
        names = [
            name
            for name in _REPEATED.join((row.get("full_name", ""), row.get("names", ""))).split(_REPEATED)
            if name
        ]
        made["names"] = list(dict.fromkeys(names))
        made["primary"] = names[0] if names else None
        made["parts"] = sorted(
            {" ".join(sorted(two)) for name in names for two in itertools.combinations(name.split()[:5], 2)}
        )
        made["births"] = [born[:4] for born in row.get("born", "").split(_REPEATED) if born]
    return made


def clk(left: Rows, right: Rows) -> list[tuple[str, str, float]]:
    """Anonlink's CLKs: bigrams of every field in one Bloom filter of 1,024 bits, all pairs by Dice."""
    anonlink, clks = _peer("anonlink"), _peer("clkhash.clk")
    formats, ngrams = _peer("clkhash.field_formats"), _peer("clkhash.comparators").NgramComparison
    schema_of = _peer("clkhash.schema").Schema
    have = columns(left, right)
    chosen = [
        name
        for name in ("given_name", "family_name", "middle_name", "full_name", "names", "born", "sex",
                     "street", "house_number", "postcode", "locality", "national_number", "phone")
        if name in have
    ]  # fmt: skip
    weights = {
        "given_name": 200,
        "family_name": 200,
        "full_name": 300,
        "names": 300,
        "born": 200,
        "national_number": 200,
    }
    fields = [
        formats.StringSpec(
            name,
            formats.FieldHashingProperties(
                comparator=ngrams(2, positional=name in {"born", "national_number", "phone"}),
                strategy=formats.BitsPerFeatureStrategy(weights.get(name, 100)),
            ),
            case="mixed",
            min_length=0,
        )
        for name in chosen
    ]
    schema = schema_of(fields, 1024)
    hashed = [
        clks.generate_clks(
            [[row.get(name, "").split(_REPEATED)[0] for name in chosen] for row in rows], schema, "bench"
        )
        for rows in (left, right or left)
    ]
    scores, _, (firsts, seconds) = anonlink.candidate_generation.find_candidate_pairs(
        hashed, anonlink.similarities.dice_coefficient, 0.7
    )
    sides = left, right or left
    pairs = zip(firsts, seconds, scores, strict=True)
    return [(sides[0][a]["ref"], sides[1][b]["ref"], score) for a, b, score in pairs if right or a < b]


def main() -> None:
    """Run one peer on one set."""
    peer, folder, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    left, right = read(folder)
    began = time.perf_counter()
    pairs = {"splink": splink, "clk": clk}[peer](left, right)
    seconds = time.perf_counter() - began
    with out.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows(pairs)
    print(json.dumps({"seconds": seconds, "pairs": len(pairs)}))


if __name__ == "__main__":
    main()
