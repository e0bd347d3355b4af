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
import cProfile
import pstats
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from bench import first_run, growth, ingest, memory, peers, policy, policy_opa, push, tokenise
from bench.figures import FULL, QUICK, Figure, Sizes
from bench.page import machine, shown, write, write_json
from bench.workload import MATCHING, POLICY_TUPLES

from passerelle.log import configure

ROOT = Path(__file__).parents[1]
Benchmark = Callable[[Sizes, Path], tuple[Figure, ...]]
BENCHMARKS: Mapping[str, Benchmark] = {
    "tokenise": tokenise.run,
    "ingest": ingest.run,
    "push": push.run,
    "policy": policy.run,
    "policy-opa": policy_opa.run,
    "memory": memory.run,
    "peers": peers.run,
    "first-run": first_run.run,
    "growth": growth.run,
}
_OWN_RUNS = frozenset({"growth"})
"""Too long to be among all of them."""
_TOP = 40


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
        found = measured(name, sizes, profile=options.profile)
        took[name] = time.monotonic() - began
        if options.names and not (options.quick or options.profile):
            write_json(ROOT / "build" / f"bench-{name}.json", found)
        figures += found
    if options.names or options.profile:
        return
    if options.quick:
        write_json(ROOT / "build" / "bench.json", figures)
    else:
        write(ROOT, figures, {**conditions, **stated(sizes), "run time": run_time(took)})


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


def measured(name: str, sizes: Sizes, *, profile: bool = False) -> tuple[Figure, ...]:
    """Run one benchmark in a folder of its own and print its figures."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="passerelle-bench-") as folder:
        figures = _profiled(name, sizes, Path(folder)) if profile else BENCHMARKS[name](sizes, Path(folder))
    print(f"{name} ({time.monotonic() - began:.0f} s)")
    for one in figures:
        goal = f"   goal {one.goal}" if one.goal else ""
        print(f"  {one.name:64} {shown(one.value):>10} {one.unit}{goal}", flush=True)
    return figures


def _profiled(name: str, sizes: Sizes, folder: Path) -> tuple[Figure, ...]:
    """What this thread does; other threads and processes stay out of sight."""
    profiler = cProfile.Profile()
    figures = profiler.runcall(BENCHMARKS[name], sizes, folder)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(_TOP)
    return figures


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
