"""Store of closer looks: one per pair of records, from the question to the levels found.

A look holds for the two revisions it was asked about and for no other. The tokens of both answers are dropped
as soon as they are compared.

Fault table
-----------
| write | lost by a crash | persisted although the caller saw a failure |
|---|---|---|
| `ask` | the pair is asked about when one of its records comes again | both sides answer as usual |
| `answer` | the question still waits, the connector answers again | the next answer finds no question |
| `finish` | the answers are compared at the next tick | the pair is scored by the levels from then on |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, update

from passerelle_hub.store.database import Transaction
from passerelle_hub.store.dialect import among, parts, upsert
from passerelle_hub.store.tables import record
from passerelle_hub.store.tables_closer import closer_look

ASKED, ANSWERED, COMPARED = "asked", "answered", "compared"


class Look(NamedTuple):
    """A look at two records, by key, low first; `levels` is JSON, empty until both answers were compared."""

    low: int
    high: int
    nonce: bytes
    state: str
    low_answer: bytes
    high_answer: bytes
    levels: str


class NewLook(NamedTuple):
    """A question about to be asked."""

    low: int
    high: int
    nonce: bytes
    expires: int
    decision: str


class Asked(NamedTuple):
    """A question as one side gets it."""

    nonce: bytes
    record_id: bytes
    revision: int


_LOOK = tuple(closer_look.c[name] for name in Look._fields)
_LOW, _HIGH = record.alias("low_record"), record.alias("high_record")


def _current() -> ColumnElement[bool]:
    """That both records are still those that were asked about."""
    return and_(
        _LOW.c.record_pk == closer_look.c.low,
        _HIGH.c.record_pk == closer_look.c.high,
        _LOW.c.revision == closer_look.c.low_revision,
        _HIGH.c.revision == closer_look.c.high_revision,
        _LOW.c.state == "active",
        _HIGH.c.state == "active",
    )


def of_pairs(tx: Transaction, pairs: Iterable[tuple[int, int]]) -> dict[tuple[int, int], Look]:
    """The looks at these pairs that still hold."""
    wanted = set(pairs)
    found: dict[tuple[int, int], Look] = {}
    for part in parts(tx, sorted({low for low, _ in wanted})):
        rows = tx.execute(select(*_LOOK).where(among(tx, closer_look.c.low, part), _current()))
        looks = (Look(*row) for row in rows)
        found.update(((look.low, look.high), look) for look in looks if (look.low, look.high) in wanted)
    return found


def ask(tx: Transaction, new: Sequence[NewLook]) -> None:
    """Store questions; one about an earlier revision of the pair is replaced."""
    keys = {key for look in new for key in (look.low, look.high)}
    rows = tx.execute(select(record.c.record_pk, record.c.revision).where(record.c.record_pk.in_(keys)))
    revisions = {row.record_pk: row.revision for row in rows}
    for look in new:
        values: dict[str, object] = {
            "nonce": look.nonce,
            "low_revision": revisions[look.low],
            "high_revision": revisions[look.high],
            "state": ASKED,
            "expires": look.expires,
            "low_answer": b"",
            "high_answer": b"",
            "levels": "",
            "decision": look.decision,
        }
        statement = upsert(tx, closer_look).values(low=look.low, high=look.high, **values)
        tx.execute(statement.on_conflict_do_update(index_elements=["low", "high"], set_=values))


def _waits(agency: str) -> ColumnElement[bool]:
    """That a side of the agency has not answered."""
    return and_(
        closer_look.c.state == ASKED,
        _current(),
        or_(
            and_(_LOW.c.agency == agency, closer_look.c.low_answer == b""),
            and_(_HIGH.c.agency == agency, closer_look.c.high_answer == b""),
        ),
    )


def waiting(tx: Transaction, agency: str, now: int, limit: int) -> tuple[Asked, ...]:
    """The questions that wait for an agency, oldest first. A pair is never of one agency."""
    query = (
        select(closer_look.c.nonce, _LOW.c.agency, _LOW.c.record_id, _LOW.c.revision,
               _HIGH.c.record_id.label("other_id"), _HIGH.c.revision.label("other_revision"))
        .where(_waits(agency), closer_look.c.expires > now)
        .order_by(closer_look.c.expires, closer_look.c.nonce)
        .limit(limit)
    )  # fmt: skip
    return tuple(
        Asked(bytes(row.nonce), bytes(row.record_id), row.revision)
        if row.agency == agency
        else Asked(bytes(row.nonce), bytes(row.other_id), row.other_revision)
        for row in tx.execute(query)
    )


def answer(tx: Transaction, agency: str, nonce: bytes, now: int, packed: bytes) -> bool:
    """Keep an agency's answer to a question that waits for it; whether there was one."""
    query = select(*_LOOK, _LOW.c.agency).where(
        closer_look.c.nonce == nonce, _waits(agency), closer_look.c.expires > now
    )
    row = tx.execute(query.with_for_update(of=closer_look)).first()
    if row is None:
        return False
    column, other = (
        ("low_answer", row.high_answer) if row.agency == agency else ("high_answer", row.low_answer)
    )
    state = ANSWERED if other else ASKED
    mine = closer_look.c.nonce == nonce
    tx.execute(update(closer_look).where(mine).values({column: packed, "state": state}))
    return True


def count(tx: Transaction) -> int:
    """How many questions wait for an answer."""
    waiting = select(func.count()).select_from(closer_look).where(closer_look.c.state == ASKED)
    return tx.scalar(waiting) or 0


def answered(tx: Transaction, limit: int) -> dict[int, list[bytes]]:
    """Looks that both sides have answered: batch of the first record to nonces."""
    query = select(_LOW.c.batch_pk, closer_look.c.nonce).where(
        closer_look.c.state == ANSWERED, _LOW.c.record_pk == closer_look.c.low
    )
    found: dict[int, list[bytes]] = {}
    for batch, nonce in tx.execute(query.order_by(closer_look.c.expires, closer_look.c.nonce).limit(limit)):
        found.setdefault(batch, []).append(bytes(nonce))
    return found


def claim(tx: Transaction, nonce: bytes) -> Look | None:
    """A look that both sides have answered, held until the transaction ends; None once it is compared."""
    mine = and_(closer_look.c.nonce == nonce, closer_look.c.state == ANSWERED)
    row = tx.execute(select(*_LOOK).where(mine).with_for_update()).first()
    return None if row is None else Look(*row)


def finish(tx: Transaction, nonce: bytes, levels: str) -> None:
    """Keep the levels and drop both answers."""
    done: Mapping[str, object] = {
        "state": COMPARED,
        "levels": levels,
        "low_answer": b"",
        "high_answer": b"",
    }
    tx.execute(update(closer_look).where(closer_look.c.nonce == nonce).values(done))


def lapse(tx: Transaction, now: int) -> int:
    """Drop questions past their time, and looks at records that have changed or gone; returns how many."""
    late = and_(closer_look.c.state == ASKED, closer_look.c.expires <= now)
    gone = ~exists().where(_current()).correlate(closer_look)
    found = tx.execute(delete(closer_look).where(or_(late, gone)).returning(closer_look.c.nonce)).all()
    return len(found)
