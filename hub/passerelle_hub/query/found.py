"""Which records a question finds, scored as a stored record's pairs are.

(1) the question's tokens become marks, as they would for the index, and are looked up; nothing is stored. The
    records are read again: one that changed meanwhile counts for the marks that it carries by then;
(2) how common a mark is, is counted as for pairs (`match.pairs`): over active records under no embargo, and
    the question itself; past the cap it is no evidence;
(3) each active record of another agency is scored with the table, the prior and the hard rules of matching.

An embargoed record is not found at all, and the asker's own are not looked for: it has them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from passerelle.batch import token_rows
from passerelle.codec.header import decode_marking
from passerelle.groups import EntityKind
from passerelle.query import Question
from passerelle_hub.index import MARK_BYTES, Pepper, split, unpack_kinds
from passerelle_hub.match.pairs import FREQUENCY_CAP
from passerelle_hub.match.population import Population
from passerelle_hub.match.score import Score, SharedToken, Verdict, score
from passerelle_hub.store import Transaction, marks, records
from passerelle_hub.store.records import StoredRecord


@dataclass(frozen=True, slots=True)
class Found:
    """A record that scores as a match or a candidate, with the kinds of token it shares with the question."""

    record: StoredRecord
    score: Score
    kinds: tuple[int, ...]


def find(
    tx: Transaction, question: Question, pepper: Pepper, prior: Population, cap: int = FREQUENCY_CAP
) -> list[Found]:
    """The records that the question finds, best first."""
    rows = token_rows(question.kinds, question.tokens)
    entries = pepper.marker(question.domain, question.epoch)(rows)  # (1)
    asked = [entry[:MARK_BYTES] for entry in entries]
    carriers = marks.visible(tx, sorted(set(asked)), cap)
    known = records.by_key(tx, sorted({key for keys in carriers.values() for key in keys}))
    carried = {key: _carried(row) for key, row in known.items()}
    shared: dict[int, list[SharedToken]] = defaultdict(list)
    for mark, kind in zip(asked, question.kinds, strict=True):
        some = [known[key] for key in carriers[mark] if mark in carried[key]]
        if len(some) + 1 > cap:  # (2)
            continue
        agencies = len({row.agency for row in some} | {question.agency})
        for row in some:
            if row.agency != question.agency:
                shared[row.record_pk].append(SharedToken(kind, len(some) + 1, agencies))
    found: list[Found] = []
    for key, tokens in sorted(shared.items()):  # (3)
        row = known[key]
        scored = score(
            tokens,
            frozenset(question.kinds),
            unpack_kinds(row.kinds),
            question.entity,
            EntityKind(row.entity),
            prior,
        )
        if scored.verdict is not Verdict.NONE:
            found.append(Found(row, scored, _kinds(tokens)))
    return sorted(found, key=lambda one: (-one.score.bits, one.record.record_pk))


def _carried(row: StoredRecord) -> frozenset[bytes]:
    """The marks by which a record can be found, as it was read."""
    return frozenset() if decode_marking(row.marking).embargoed else frozenset(split(row.marks))


def _kinds(tokens: Sequence[SharedToken]) -> tuple[int, ...]:
    return tuple(sorted({token.kind_id for token in tokens}))
