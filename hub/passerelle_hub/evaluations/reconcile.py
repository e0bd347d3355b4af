"""Evaluations held against tokens: does an agency have more evaluated than it submits?

Who guesses identifiers has values evaluated that never become tokens of a record. So, by agency and group and
over a window of days:

    evaluated = elements that all trustees billed, divided by the threshold (each answer takes that many)
    beyond    = evaluated - tokens submitted - allowance

The allowance is a share of the tokens and a number for free: trials, retries with another quorum (billed by
one trustee more), and rows that were set aside after they had been tokenised. Repeated values and dummies go
the other way, they are submitted and not evaluated anew; so this finds coarse probing, and the trustees'
budgets bound the rest. A difference is shown to the operator and stands in the log for the supervisor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from passerelle.clock import DAY, Clock
from passerelle.log import get_logger
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.quota import group_of
from passerelle_hub.store import Database, Transaction, evaluations, quotas

ACTOR = "hub/evaluations"
_LOG = get_logger("evaluations")


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What is no difference yet. `threshold` is the trustees' t; window in days, today included."""

    threshold: int = 2
    window: int = 31
    percent: int = 10
    free: int = 1_000

    def allowed(self, submitted: int) -> int:
        """Elements beyond the tokens submitted that say nothing."""
        return self.free + submitted * self.percent // 100


@dataclass(frozen=True, slots=True, order=True)
class Balance:
    """One agency and group over the window; `beyond` is positive where too much was evaluated."""

    agency: str
    group: str
    evaluated: int
    submitted: int
    beyond: int


def balances(tx: Transaction, today: int, tolerance: Tolerance) -> list[Balance]:
    """All agencies and groups that had something evaluated, by name."""
    since = today - tolerance.window + 1
    billed = evaluations.sums(tx, since)
    tokens = _tokens(quotas.sums(tx, since))
    rows: list[Balance] = []
    for (agency, group), elements in sorted(billed.items()):
        evaluated, submitted = elements // tolerance.threshold, tokens.get((agency, group), 0)
        beyond = evaluated - submitted - tolerance.allowed(submitted)
        rows.append(Balance(agency, group, evaluated, submitted, max(beyond, 0)))
    return rows


def _tokens(used: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    return {
        (agency, group): units
        for (agency, resource), units in used.items()
        if (group := group_of(resource)) is not None
    }


class Evaluations:
    """The job that holds one against the other."""

    def __init__(self, *, database: Database, audit: Audit, clock: Clock, tolerance: Tolerance) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._tolerance = tolerance

    def reconcile(self) -> tuple[Balance, ...]:
        """Compare, write down what was found, and return the balances that are too high."""
        with self._database.write() as tx:
            found = balances(tx, self._clock.now() // DAY, self._tolerance)
            over = tuple(row for row in found if row.beyond)
            self._audit.append(
                tx, EventKind.EVALUATIONS_RECONCILED, ACTOR, compared=len(found), beyond=len(over)
            )
            for row in over:
                self._audit.append(
                    tx,
                    EventKind.EVALUATIONS_DIFFER,
                    ACTOR,
                    agency=row.agency,
                    group=row.group,
                    evaluated=row.evaluated,
                    submitted=row.submitted,
                )
        for row in over:
            _LOG.warning("evaluations.beyond", agency=row.agency, group=row.group, size=row.beyond)
        return over
