"""Judge `passerelle policy test --json`: both engines ran the same tests, and every one passed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def faults(results: list[dict[str, Any]]) -> list[str]:
    """What is wrong with the results, one sentence each."""
    names = {
        engine: {row["name"] for row in results if row["engine"] == engine} for engine in ("embedded", "opa")
    }
    found = [f"{row['name']} failed on {row['engine']}" for row in results if not row["passed"]]
    found += [f"no test ran on {engine}" for engine, ran in names.items() if not ran]
    only = names["embedded"] ^ names["opa"]
    return found + [f"{name} ran on one engine only" for name in sorted(only)]


def main() -> int:
    """Read the file named on the command line and judge it."""
    results = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    found = faults(results)
    for fault in found:
        sys.stderr.write(f"check_policies: {fault}\n")
    sys.stdout.write(f"{len(results)} results of two engines\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
