"""Store of billed requests. Every function runs inside a transaction of the caller."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.sqlite import insert

from passerelle.clock import DAY
from passerelle.groups import Group
from passerelle.oprf.protocol import EvaluateRequest
from passerelle_trustee.store.ledger import Transaction
from passerelle_trustee.store.tables import request as requests
from passerelle_trustee.store.tables import usage


@dataclass(frozen=True, slots=True)
class DayCount:
    """What one agency had billed for one group on one day (days since the Unix epoch)."""

    day: int
    agency: str
    group: Group
    requests: int
    elements: int


def statement_of(tx: Transaction, agency: str, request_id: bytes) -> bytes | None:
    """The digest that a request id was billed for, or None."""
    found: bytes | None = tx.scalar(
        select(requests.c.statement).where(requests.c.agency == agency, requests.c.request_id == request_id)
    )
    return found


def used(tx: Transaction, agency: str, group: Group, day: int) -> int:
    """Elements billed so far."""
    found = tx.scalar(
        select(usage.c.elements).where(
            usage.c.day == day, usage.c.agency == agency, usage.c.group == str(group)
        )
    )
    return int(found or 0)


def bill(tx: Transaction, agency: str, asked: EvaluateRequest, statement: bytes, now: int) -> None:
    """Record a request and add it to its day."""
    day, group = now // DAY, str(asked.group)
    tx.execute(
        insert(requests).values(
            agency=agency,
            request_id=asked.request_id,
            statement=statement,
            domain=asked.domain,
            group=group,
            epoch=asked.epoch,
            elements=asked.count,
            day=day,
            billed=now,
            attempts=1,
            last_attempt=now,
        )
    )
    sums = insert(usage).values(day=day, agency=agency, group=group, requests=1, elements=asked.count)
    tx.execute(
        sums.on_conflict_do_update(
            index_elements=[usage.c.day, usage.c.agency, usage.c.group],
            set_={"requests": usage.c.requests + 1, "elements": usage.c.elements + asked.count},
        )
    )


def repeat(tx: Transaction, agency: str, request_id: bytes, now: int) -> None:
    """Record one more attempt of a billed request."""
    tx.execute(
        update(requests)
        .where(requests.c.agency == agency, requests.c.request_id == request_id)
        .values(attempts=requests.c.attempts + 1, last_attempt=now)
    )


def counts(tx: Transaction, day: int) -> tuple[DayCount, ...]:
    """The sums of one day, by agency and group."""
    rows = tx.execute(
        select(usage.c.agency, usage.c.group, usage.c.requests, usage.c.elements)
        .where(usage.c.day == day)
        .order_by(usage.c.agency, usage.c.group)
    )
    return tuple(DayCount(day, agency, Group(group), asked, count) for agency, group, asked, count in rows)


def forget(tx: Transaction, before_day: int) -> int:
    """Drop requests billed before a day; how many."""
    return tx.execute(delete(requests).where(requests.c.day < before_day)).rowcount
