"""`python -m bench.attacks`: the attacks with their success rates; writes the table of the threat model.

python -m bench.attacks                    24,000 people; docs/threat-model.md and build/bench-attacks.json
python -m bench.attacks --people 6000      another size; prints alone
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bench.attacks.scenarios import Outcome, outcomes

ROOT = Path(__file__).parents[2]
PEOPLE = 24_000
_BEGIN, _END = "<!-- make bench-attacks: begin -->", "<!-- make bench-attacks: end -->"


def main() -> None:
    """Run all scenarios."""
    parser = argparse.ArgumentParser(prog="bench.attacks", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--people", type=int, default=PEOPLE, help="how many the register has")
    people: int = parser.parse_args().people
    found: list[Outcome] = []
    for one in outcomes(people):
        found.append(one)
        print(f"{one.attack:14} {one.defences:56} named {one.named:8.2%}  right {one.right:7.1%}", flush=True)
    if people == PEOPLE:
        _write(found)


def _write(found: Sequence[Outcome]) -> None:
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    (build / "bench-attacks.json").write_text(json.dumps([asdict(one) for one in found], indent=2), "utf-8")
    page = ROOT / "docs" / "threat-model.md"
    table = f"{_BEGIN}\n{shown(found)}\n{_END}"
    text = re.sub(f"{_BEGIN}.*?{_END}", lambda _: table, page.read_text("utf-8"), flags=re.DOTALL)
    page.write_text(text, "utf-8")


def shown(found: Sequence[Outcome]) -> str:
    """The outcomes as a Markdown table: each case once, with both attacks where both were tried."""
    lines = ["| attack | the index | records named | of the guesses, right |", "|---|---|---|---|"]
    lines += [
        f"| {one.attack} | {one.defences} | {one.named:.2%} | {f'{one.right:.0%}' if one.right else '–'} |"
        for one in sorted(found, key=lambda one: list(_ATTACKS).index(one.attack))
    ]
    return "\n".join(lines)


_ATTACKS = ("frequency", "co-occurrence", "other domain")


if __name__ == "__main__":
    main()
