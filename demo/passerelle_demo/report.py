"""What a demonstration says at its end: what each agency learned, what the hub stored, the figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from passerelle.notification import LinkState, Notification, NotificationKind
from passerelle_demo.cases import delicate_figures, delicate_lines
from passerelle_demo.play import Outcome
from passerelle_demo.scenario import Scenario


def figures(scenario: Scenario, outcome: Outcome, peak_mb: float) -> dict[str, object]:
    """The figures as one JSON object.

    `links` and `notifications` are those of the agencies; what the director's desk alone may know stands
    under `delicate`.
    """
    view, judged = outcome.hub, outcome.quality
    states = Counter(row.state for row in view.links)
    total = sum(view.records.values())
    return {
        "scenario": scenario.title,
        "agencies": len(scenario.cast),
        "records": total,
        "rejected": sum(len(rows) for rows in outcome.rejects.values()),
        "tokens": view.index_rows,
        "links": len(view.links) - states[LinkState.DIRECTOR_ONLY],
        "candidates": states["candidate"],
        "notifications": {one.id: len(outcome.inboxes[one.id]) for one in scenario.members},
        "first_dots": {
            one.id: sum(note.kind is NotificationKind.FIRST_DOT for note in outcome.inboxes[one.id])
            for one in scenario.members
        },
        "precision": round(judged.precision, 4),
        "recall": round(judged.recall, 4),
        "seconds_to_first_match": round(outcome.first_match, 2),
        "seconds": round(outcome.finished, 2),
        "records_per_second": round(total / outcome.finished, 1),
        "peak_memory_mb": round(peak_mb, 1),
        "decisions": view.decisions,
        "log_leaves": view.ticks,
        "delicate": delicate_figures(scenario, outcome),
    }


def lines(scenario: Scenario, outcome: Outcome) -> Iterator[str]:
    """The same for people, line by line."""
    view, judged = outcome.hub, outcome.quality
    yield ""
    yield "What each agency learned"
    for one in scenario.parties:
        notes = outcome.inboxes[one.id]
        rejected = len(outcome.rejects[one.id])
        yield f"  {one.name} ({one.id}): {one.records} rows, {rejected} set aside, {len(notes)} notifications"
        dots = [note for note in notes if note.kind is NotificationKind.FIRST_DOT]
        kinds = Counter((note.relation.value, note.band.value) for note in notes if note not in dots)
        for (relation, band), count in sorted(kinds.items()):
            yield f"    {count:4} {relation.replace('_', ' ')}, {band.replace('_', ' ')}"
        if dots:
            yield f"    {len(dots):4} first dots: a third agency holds a record of the same entity"
        if notes and notes[0].agreements:
            yield from example(notes[0])
    yield from delicate_lines(scenario, outcome)
    yield ""
    yield "What the hub stored"
    yield f"  {sum(view.records.values())} headers and sealed sections, none of which it can open"
    yield f"  {view.index_rows} index rows: HMACs of tokens under a pepper; no token, no identifier"
    yield f"  {view.decisions} policy decisions, {view.ticks} leaves of the log"
    states = Counter(row.state for row in view.links)
    told = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in sorted(states.items()))
    yield f"  {len(view.links)} links: {told or 'none'}"
    yield ""
    wrong = judged.found - judged.right
    yield f"Against the truth: {judged.right} of {judged.true} pairs found, {wrong} found in error;"
    yield f"precision {judged.precision:.3f}, recall {judged.recall:.3f}"


def example(note: Notification) -> Iterator[str]:
    """One notification in words; the director's desk is told of two records and holds neither."""
    there = note.counterpart.replace("+", " and ")
    agree = f"a record of yours agrees with one that {there} holds"
    if not note.own_records:
        agree = f"records of {there} agree"
    yield f"    for example: {agree}, odds {note.odds}:"
    for row in note.agreements:
        yield f"      {row.field} {row.level}".rstrip() + f": {row.bits:+.1f} bits"
