"""Every method on one set: ours by tier, exact hashed identifiers, and the peers in their own environment."""

from __future__ import annotations

import csv
import json
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final

from bench.linking import ours
from bench.linking.measures import Bin, Quality, calibration, quality
from bench.linking.sets import LinkageSet, Pair, pair, write

from passerelle.catalogue import Tier, catalogue

EVEN: Final = 0.5
_CLK_OPERATING: Final = 0.8
_EXACT: Final = (
    "surname+given+birth",
    "national number",
    "document",
    "whole name",
    "organisation name",
    "enterprise number",
)
_TIMEOUT: Final = 900


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the report. `tier` is empty for peers; `bins` where the method states probabilities."""

    set: str
    method: str
    tier: str
    tokens: float | None
    quality: Quality
    seconds: float
    bins: tuple[Bin, ...] = ()

    def document(self) -> dict[str, object]:
        """As `build/bench-linkage.json` holds it."""
        return {
            "set": self.set,
            "method": self.method,
            "tier": self.tier,
            "tokens_per_record": None if self.tokens is None else round(self.tokens, 1),
            "precision": round(self.quality.precision, 4),
            "recall": round(self.quality.recall, 4),
            "f1": round(self.quality.f1, 4),
            "best_f1": round(self.quality.best_f1, 4),
            "seconds": round(self.seconds, 2),
        }


def passerelle(chosen: LinkageSet) -> Iterator[Result]:
    """Ours, tier by tier; persons once more as if their domain knew no households."""
    tried = ours.PUBLISHED if chosen.published else ours.TIERS
    if not chosen.published:
        tried = {**tried, ours.NO_HOUSEHOLDS: tried["core, address"]}
    for name, tiers in tried.items():
        linked = ours.link(chosen, tiers, no_households=True if name == ours.NO_HOUSEHOLDS else None)
        stated = linked.probabilities()
        bins = calibration((value, found in chosen.truth) for found, value in stated.items())
        yield Result(
            chosen.name,
            "passerelle",
            name,
            linked.tokens,
            quality(stated, chosen.truth, EVEN),
            linked.seconds,
            bins,
        )


def exact(chosen: LinkageSet) -> Result:
    """What agencies do today: hashes of whole identifiers; two records match where any is equal."""
    began = time.perf_counter()
    kinds = {catalogue().named(name).id for name in _EXACT}
    holders: defaultdict[tuple[int, bytes], list[int]] = defaultdict(list)
    records = ours.read(chosen, frozenset(Tier))
    count = 0
    for place, record in enumerate(records):
        for key in record.keys:
            if key.kind_id in kinds:
                holders[key.kind_id, key.value].append(place)
                count += 1
    found = {
        pair(records[a].ref, records[b].ref, within=not chosen.right): 1.0
        for places in holders.values()
        for a, b in combinations(places, 2)
        if records[a].agency != records[b].agency
    }
    seconds = time.perf_counter() - began
    tokens = count / max(len(records), 1)
    return Result(chosen.name, "exact hashes", "", tokens, quality(found, chosen.truth, EVEN), seconds)


@dataclass(frozen=True, slots=True)
class Peers:
    """The peers' own Python, and a folder to exchange files in."""

    python: Path
    folder: Path

    def run(self, method: str, chosen: LinkageSet) -> Result | None:
        """One peer on one set; None where it fails, with its last line on the terminal."""
        place = self.folder / chosen.name.replace(" ", "-")
        write(chosen, place)
        out = place / f"{method}.csv"
        command = [
            str(self.python),
            "-P",
            str(Path(__file__).with_name("peer.py")),
            method,
            str(place),
            str(out),
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False)  # noqa: S603 - our own script in the peers' environment
        except subprocess.TimeoutExpired:
            print(f"  {method}: no answer within {_TIMEOUT} s")
            return None
        if done.returncode:
            print(f"  {method}: {done.stderr.strip().splitlines()[-1:]}")
            return None
        scored: dict[Pair, float] = {}
        with out.open(encoding="utf-8", newline="") as lines:
            for a, b, value in csv.reader(lines):
                two = pair(a, b, within=not chosen.right)
                scored[two] = max(float(value), scored.get(two, 0.0))
        seconds = float(json.loads(done.stdout.strip().splitlines()[-1])["seconds"])
        label, operating = {
            "splink": ("Splink 5, plain text", EVEN),
            "clk": ("anonlink CLK", _CLK_OPERATING),
        }[method]
        bins = calibration((value, two in chosen.truth) for two, value in scored.items())
        return Result(
            chosen.name,
            label,
            "",
            None,
            quality(scored, chosen.truth, operating),
            seconds,
            bins if method == "splink" else (),
        )
