"""Budgets: how many elements an agency may have evaluated for an identifier group and day (UTC).

Rules
-----
1. A request is billed as a whole or refused as a whole, before it is evaluated, whether or not its elements
   decode.
2. What is billed is on disk, with its count, before the evaluation starts. So the ledger never misses an
   answer.
3. A request id is billed once. It stays tied to domain, group, epoch and elements: a retry, also for another
   quorum, is free; the same id for other elements is refused, or one bill would buy any number of
   evaluations.
4. A group without a budget has none: default deny.

What happens to a bill when the write fails:

| fault | billed | answered | the retry |
|---|---|---|---|
| refused, or failed and lost | no | no | bills |
| failed, but persisted | yes | no | is recognised by its id and free |
| crash after the write, before the answer | yes | no | is recognised by its id and free |

Trustees count separately. An agency that keeps to one quorum gets the budget set here; one that spreads its
requests over all quorums of t of n gets up to n/t times as much, and that is the cap to reckon with. Bills
are serialised by the ledger; several threads and processes may share one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from passerelle import canonical
from passerelle.clock import DAY, Clock
from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.oprf.protocol import EvaluateRequest
from passerelle_trustee.store import DayCount, Ledger, evaluations

DEFAULT_DAILY: Final[Mapping[Group, int]] = dict.fromkeys(Group, 1_000_000) | {
    Group.NATIONAL_NUMBER: 200_000,
    Group.PHONE: 200_000,
    Group.PIECE: 0,
}
"""Elements a day; lower where the whole space of identifiers could be tried in a few days.

None for pieces of fields, of which there are so few that a budget is a decision: a trustee's operator sets
one where closer looks at pairs are wanted.
"""


@dataclass(frozen=True, slots=True)
class Budgets:
    """Elements a day by group, and exceptions by agency and group."""

    daily: Mapping[Group, int] = field(default_factory=lambda: DEFAULT_DAILY)
    exceptions: Mapping[tuple[str, Group], int] = field(default_factory=dict[tuple[str, Group], int])

    def of(self, agency: str, group: Group) -> int:
        """The budget that applies; 0 where none is set (rule 4)."""
        return self.exceptions.get((agency, group), self.daily.get(group, 0))


class Quota:
    """Bills evaluations; every call is one transaction."""

    def __init__(self, ledger: Ledger, budgets: Budgets, clock: Clock) -> None:
        self._ledger = ledger
        self._budgets = budgets
        self._clock = clock

    def reserve(self, agency: str, request: EvaluateRequest) -> None:
        """Bill a request, or recognise it as billed.

        Raises:
            PasserelleError: `evaluation_budget_exceeded`, `request_id_reused`.
        """
        now = self._clock.now()
        day, statement = now // DAY, _statement(request)
        budget = self._budgets.of(agency, request.group)
        with self._ledger.write() as tx:
            billed = evaluations.statement_of(tx, agency, request.request_id)
            if billed is not None:
                if billed != statement:
                    raise PasserelleError("request_id_reused", f"{request.count} elements of {request.group}")
                evaluations.repeat(tx, agency, request.request_id, now)
                return
            used = evaluations.used(tx, agency, request.group, day)
            if used + request.count > budget:
                raise PasserelleError(
                    "evaluation_budget_exceeded",
                    f"{request.group}: {used} used and {request.count} asked of {budget}",
                )
            evaluations.bill(tx, agency, request, statement, now)

    def counts(self, day: int) -> tuple[DayCount, ...]:
        """What was billed on a day (days since the epoch), by agency and group: the trustee's report."""
        with self._ledger.read() as tx:
            return evaluations.counts(tx, day)

    def forget(self, before_day: int) -> int:
        """Drop single requests billed before a day and say how many; the counts stay.

        A request that is retried later than this is billed again.
        """
        with self._ledger.write() as tx:
            return evaluations.forget(tx, before_day)


def _statement(request: EvaluateRequest) -> bytes:
    """What a request id stands for, without quorum and generation (rule 3)."""
    return canonical.digest(
        "passerelle/evaluate-request/1", request.domain, request.group, request.epoch, request.elements
    )
