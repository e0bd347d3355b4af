"""Judge `passerelle policy test --json`: the same tests ran on both engines, all passed, few lines missed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

MIN_COVERAGE = 95.0


def faults(results: list[dict[str, Any]], coverage: list[dict[str, Any]]) -> list[str]:
    """What is wrong with the results, one sentence each."""
    names = {
        engine: {row["name"] for row in results if row["engine"] == engine} for engine in ("embedded", "opa")
    }
    found = [f"{row['name']} failed on {row['engine']}" for row in results if not row["passed"]]
    found += [f"no test ran on {engine}" for engine, ran in names.items() if not ran]
    only = names["embedded"] ^ names["opa"]
    found += [
        f"{row['path']} is tested to {row['percent']} %" for row in coverage if row["percent"] < MIN_COVERAGE
    ]
    if not coverage:
        found.append("coverage was not measured")
    return found + [f"{name} ran on one engine only" for name in sorted(only)]


def main() -> int:
    """Read the file named on the command line and judge it."""
    said = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    results, coverage = said["results"], said["coverage"]
    found = faults(results, coverage)
    for fault in found:
        sys.stderr.write(f"check_policies: {fault}\n")
    sys.stdout.write(f"{len(results)} results of two engines, coverage of {len(coverage)} rule files\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
