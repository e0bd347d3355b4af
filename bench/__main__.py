"""`python -m bench`: runs the benchmarks and writes what they gave.

    python -m bench                    all of them; writes docs/benchmarks.md and build/bench.json
    python -m bench --quick            small sizes, under a minute; writes build/bench.json alone
    python -m bench ingest             some of them, by name; each writes build/bench-<name>.json
    python -m bench ingest --profile   says where the time goes, writes nothing
    python -m bench memory --records 1000000
    python -m bench growth             never among all of them: five minutes, 10 GB of disk, 8 of memory

Needs `tests/support` on the path, where the kits of the tests live (see the Makefile).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bench.figures import FULL, QUICK, Figure, Sizes
from bench.page import machine, own_runs, write, write_json
from bench.runs import BENCHMARKS, apart, profiled
from bench.workload import MATCHING, POLICY_TUPLES

from passerelle.log import configure

ROOT = Path(__file__).parents[1]
_OWN_RUNS = frozenset({"growth"})
"""Too long to be among all of them."""


def main() -> None:
    """Run what the command line names."""
    options = _options()
    configure("bench", "ERROR")
    sizes = QUICK if options.quick else FULL
    if options.records:
        sizes = replace(sizes, memory_records=tuple(options.records))
    conditions = machine()
    figures: list[Figure] = []
    took: dict[str, float] = {}
    for name in options.names or [name for name in BENCHMARKS if name not in _OWN_RUNS]:
        began = time.monotonic()
        found = profiled(name, sizes) if options.profile else apart(name, sizes)
        took[name] = time.monotonic() - began
        if options.names and not (options.quick or options.profile):
            write_json(ROOT / "build" / f"bench-{name}.json", found)
        figures += found
    if options.names or options.profile:
        return
    if options.quick:
        write_json(ROOT / "build" / "bench.json", figures)
    else:
        conditions = {**conditions, **stated(sizes), "run time": run_time(took)}
        write(ROOT, figures, conditions, own_runs(ROOT, BENCHMARKS))


def stated(sizes: Sizes) -> Mapping[str, str]:
    """What was measured on: sizes and shares."""
    records = ", ".join(f"{count:,}" for count in sizes.memory_records)
    return {
        "rounds": f"{sizes.ingest_rounds} of {sizes.ingest_round} batches of ingest,"
        f" {sizes.push_rounds} pushes to 100 on each side; submissions of {records} records for memory",
        "records of ingest": f"8 tokens each, {MATCHING:.0%} of them match,"
        f" {POLICY_TUPLES} distinct policy tuples an agency",
    }


def run_time(took: Mapping[str, float]) -> str:
    """Minutes of all, seconds of each."""
    each = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in took.items())
    return f"{sum(took.values()) / 60:.1f} min ({each})"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    parser.add_argument("--records", type=int, action="append", help="sizes of submission for memory")
    options = parser.parse_args()
    if unknown := set(options.names) - BENCHMARKS.keys():
        parser.error(f"no benchmark {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    main()
