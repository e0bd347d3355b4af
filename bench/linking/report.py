"""`docs/linkage.md` and `build/bench-linkage.json` from results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bench.linking.closer import Compared, lines
from bench.linking.measures import calibration_error
from bench.linking.methods import Result

_START = "<!-- figures: written by `make bench-linkage`, do not edit below -->"


def write_json(path: Path, results: Iterable[Result]) -> None:
    """A list of {set, method, tier, tokens_per_record, precision, recall, f1, best_f1, seconds}."""
    path.parent.mkdir(parents=True, exist_ok=True)
    documents = [result.document() for result in results]
    path.write_text(json.dumps(documents, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_page(
    path: Path,
    results: Sequence[Result],
    left_out: Mapping[str, tuple[float, float]],
    looked: Sequence[Compared],
    errors: Sequence[str],
) -> None:
    """The page: what stands above the mark is kept, the figures below it are written anew."""
    above = path.read_text(encoding="utf-8").partition(_START)[0] if path.exists() else "# Linkage\n\n"
    parts = [
        above + _START,
        "",
        *_table(results),
        *_left_out(left_out),
        *lines(looked),
        *_calibration(results),
    ]
    if errors:
        parts += ["## Remaining errors on the published lists", "", *errors, ""]
    path.write_text("\n".join(parts).rstrip() + "\n", encoding="utf-8")


def _table(results: Sequence[Result]) -> Iterable[str]:
    yield "## Figures"
    for name in dict.fromkeys(result.set for result in results):
        yield f"\n### {name}\n"
        yield "| method | tiers | tokens a record | precision | recall | F1 | best F1 | seconds |"
        yield "|---|---|---|---|---|---|---|---|"
        for one in (result for result in results if result.set == name):
            shown = one.quality
            tokens = "–" if one.tokens is None else f"{one.tokens:.1f}"
            figures = (shown.precision, shown.recall, shown.f1, shown.best_f1)
            columns = " | ".join(f"{value:.4f}" for value in figures)
            yield f"| {one.method} | {one.tier or '–'} | {tokens} | {columns} | {one.seconds:.1f} |"
    yield ""


def _left_out(left_out: Mapping[str, tuple[float, float]]) -> Iterable[str]:
    if not left_out:
        return
    yield "## Leave one set out"
    yield ""
    yield "F1 at even odds with the shipped table, and with one learned on all other families of sets."
    yield ""
    yield "| set | shipped | learned without it |"
    yield "|---|---|---|"
    for name, (shipped, other) in left_out.items():
        yield f"| {name} | {shipped:.4f} | {other:.4f} |"
    yield ""


def _calibration(results: Sequence[Result]) -> Iterable[str]:
    yield "## Calibration"
    yield ""
    yield "Pairs by the probability stated (bins end at the bands), and how many of them are true."
    yield ""
    yield "| set | method | tiers | stated up to | pairs | stated | true | expected error of what is shown |"
    yield "|---|---|---|---|---|---|---|---|"
    for one in results:
        for place, found in enumerate(one.bins):
            error = f"{calibration_error(one.bins):.4f}" if place == 0 else ""
            yield (
                f"| {one.set} | {one.method} | {one.tier or '–'} | {found.upper:g} | {found.pairs} "
                f"| {found.stated:.3f} | {found.true:.3f} | {error} |"
            )
    yield ""
