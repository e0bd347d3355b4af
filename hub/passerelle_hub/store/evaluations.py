"""Store of trustees' reports: exact bytes by trustee and day, and their counts.

Fault table
-----------
| write | lost by a crash | persisted although the caller saw a failure |
|---|---|---|
| `put_report` | the trustee reports again | the same report again changes nothing |
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete, func, insert, select

from passerelle.evaluation_report import EvaluationReport
from passerelle_hub.store.database import Transaction
from passerelle_hub.store.tables_evaluations import evaluation_count, evaluation_report


def report(tx: Transaction, trustee: str, day: int) -> bytes | None:
    """The signed report of a trustee and day, exact bytes."""
    found = tx.execute(
        select(evaluation_report.c.signed).where(
            evaluation_report.c.trustee == trustee, evaluation_report.c.day == day
        )
    ).scalar_one_or_none()
    return bytes(found) if found is not None else None


def put_report(tx: Transaction, new: EvaluationReport, signed: bytes) -> None:
    """Replace the report of a trustee and day, and its counts."""
    for table in (evaluation_count, evaluation_report):
        tx.execute(delete(table).where(table.c.trustee == new.trustee, table.c.day == new.day))
    tx.execute(
        insert(evaluation_report).values(trustee=new.trustee, day=new.day, made=new.made, signed=signed)
    )
    if new.counts:
        rows = [
            {
                "trustee": new.trustee,
                "day": new.day,
                "agency": row.agency,
                "group": row.group.value,
                "requests": row.requests,
                "elements": row.elements,
            }
            for row in new.counts
        ]
        tx.execute(insert(evaluation_count), rows)


def sums(tx: Transaction, since: int) -> Mapping[tuple[str, str], int]:
    """Elements that all trustees billed from a day on, by agency and group."""
    rows = tx.execute(
        select(
            evaluation_count.c.agency,
            evaluation_count.c.group,
            func.sum(evaluation_count.c.elements).label("elements"),
        )
        .where(evaluation_count.c.day >= since)
        .group_by(evaluation_count.c.agency, evaluation_count.c.group)
    )
    return {(row.agency, row.group): int(row.elements) for row in rows}


def last_reports(tx: Transaction) -> Mapping[str, tuple[int, int]]:
    """The last day that each trustee reported, and when the report was made."""
    rows = tx.execute(
        select(
            evaluation_report.c.trustee,
            func.max(evaluation_report.c.day).label("day"),
            func.max(evaluation_report.c.made).label("made"),
        ).group_by(evaluation_report.c.trustee)
    )
    return {row.trustee: (int(row.day), int(row.made)) for row in rows}
