"""The errors that remain on a set, one by one: references and what was proven, never a value."""

from __future__ import annotations

from collections.abc import Iterator

from bench.linking import ours
from bench.linking.sets import LinkageSet, Pair

from passerelle_hub.match.score import Score, Verdict


def remaining(chosen: LinkageSet) -> Iterator[str]:
    """False pairs, then missed ones, as lines of a table."""
    tiers = ours.PUBLISHED["core, address, names"] if chosen.published else ours.TIERS["core, address"]
    scored = ours.link(chosen, tiers).scored
    shown = {two for two, one in scored.items() if one.verdict is not Verdict.NONE}
    yield "| error | entry | entry | what was proven |"
    yield "|---|---|---|---|"
    for label, pairs in (("false", shown - chosen.truth), ("missed", chosen.truth - shown)):
        for two in sorted(pairs):
            yield f"| {label} | {two[0]} | {two[1]} | {_said(two, scored.get(two))} |"


def _said(_: Pair, one: Score | None) -> str:
    if one is None:
        return "no shared token"
    return f"{one.bits:.1f} bits: " + ", ".join(
        f"{row.field} {row.level}".strip() + f" {row.bits:+.1f}" for row in one.evidence
    )
