"""A trial of other weights on the pairs that a hub holds: whom it would newly notify, whom no longer.

Batch by batch, newest first, pairs are found through the index, as settlement does it, and each is scored
twice: by the active weights and by the others, with what a closer look found where one was taken. Policy is
not asked: it decides on markings, which do not change. Pairs with an embargoed record are left out, so that
no figure tells of one. Nothing is written.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from passerelle.codec.header import decode_marking
from passerelle_hub.match.pairs import Pair, find, score_pair
from passerelle_hub.match.population import Population
from passerelle_hub.match.score import Score, Verdict
from passerelle_hub.store import Transaction, batches, closer

NOTHING: Final = "nothing"


@dataclass(frozen=True, slots=True)
class Trial:
    """`moves`: how many pairs are (first) and would be (second) nothing, a candidate or a match in a band."""

    pairs: int
    moves: tuple[tuple[str, str, int], ...]

    @property
    def newly_notified(self) -> int:
        """Pairs that would be notified and are not."""
        return sum(n for before, after, n in self.moves if _told(after) and not _told(before))

    @property
    def no_longer_notified(self) -> int:
        """Pairs that are notified and would not be."""
        return sum(n for before, after, n in self.moves if _told(before) and not _told(after))

    @property
    def other_band(self) -> int:
        """Pairs that stay notified, in another band."""
        return sum(n for before, after, n in self.moves if _told(before) and _told(after))

    def figures(self) -> dict[str, int]:
        """As a signature states them."""
        return {
            "pairs": self.pairs,
            "newly_notified": self.newly_notified,
            "no_longer_notified": self.no_longer_notified,
            "other_band": self.other_band,
        }


def try_weights(tx: Transaction, populations: Mapping[str, Population], change: bytes, last: int) -> Trial:
    """Score the pairs of the newest `last` batches by what is active and by `change`.

    Args:
        tx: the running transaction, read only.
        populations: each domain's, as settlement has it.
        change: the bytes of a change; empty for the shipped table.
        last: how many batches at most.

    Raises:
        PasserelleError: as `decode_change`.
    """
    moves: Counter[tuple[str, str]] = Counter()
    for batch in batches.newest(tx, last):
        before = populations[batch.domain]
        after = replace(before, change=change)
        pairs = {(pair.low.record_pk, pair.high.record_pk): pair for pair in _pairs(tx, batch.batch_pk)}
        looks = closer.of_pairs(tx, pairs) if pairs else {}
        for ends, pair in pairs.items():
            compared = json.loads(looks[ends].levels or "{}") if ends in looks else None
            now, then = (_standing(score_pair(pair, one, compared)) for one in (before, after))
            moves[now, then] += 1
    changed = tuple((a, b, count) for (a, b), count in sorted(moves.items()) if a != b)
    return Trial(moves.total(), changed)


def _pairs(tx: Transaction, batch_pk: int) -> Iterator[Pair]:
    """The pairs whose record with the higher key is of this batch, so that each comes up once."""
    for pair in find(tx, [batch_pk]).pairs:
        hidden = any(decode_marking(row.marking).embargoed for row in (pair.low, pair.high))
        if pair.high.batch_pk == batch_pk and not hidden:
            yield pair


def _standing(result: Score) -> str:
    if result.verdict is Verdict.NONE:
        return NOTHING
    return f"{result.verdict.value} {result.band.value}"


def _told(standing: str) -> bool:
    return standing.startswith(Verdict.MATCH.value)
