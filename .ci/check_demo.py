"""Hold the figures a demonstration ends with against the least that is accepted.

The output may say what happens step by step; its last JSON object holds the figures. Exit code 1 names every
figure that is missing or not good enough.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

FIGURES = (
    *("agencies", "records", "tokens", "links", "candidates", "notifications", "precision", "recall"),
    *("seconds_to_first_match", "records_per_second", "peak_memory_mb"),
)


def last_object(text: str) -> dict[str, Any]:
    """The JSON object that the text ends with.

    Raises:
        ValueError: the text does not end with a JSON object.
    """
    lines = text.rstrip().splitlines()
    for start in range(len(lines) - 1, -1, -1):
        if lines[start].startswith("{"):
            found: dict[str, Any] = json.loads("\n".join(lines[start:]))
            return found
    raise ValueError("the output holds no JSON object")


def faults(figures: dict[str, Any], recall: float, precision: float, first_match: float | None) -> list[str]:
    """What is wrong with the figures, one sentence each."""
    found = [f"{name} is missing" for name in FIGURES if name not in figures]
    if found:
        return found
    if figures["recall"] < recall:
        found.append(f"recall {figures['recall']} is under {recall}")
    if figures["precision"] < precision:
        found.append(f"precision {figures['precision']} is under {precision}")
    seconds = figures["seconds_to_first_match"]
    if seconds is None or (first_match is not None and seconds > first_match):
        found.append(f"the first match came after {seconds} s, later than {first_match} s")
    return found + [f"{name} is empty" for name in ("records", "tokens", "links") if not figures[name]]


def main() -> int:
    """Read the file named on the command line and judge it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--recall", type=float, required=True)
    parser.add_argument("--precision", type=float, required=True)
    parser.add_argument("--first-match", type=float, default=None, help="seconds")
    options = parser.parse_args()
    figures = last_object(options.output.read_text("utf-8"))
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    found = faults(figures, options.recall, options.precision, options.first_match)
    for fault in found:
        sys.stderr.write(f"check_demo: {fault}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
