"""What a trustee evaluated on a day, said to the hub and to whoever oversees it, and signed.

Rules
-----
1. A report speaks of one trustee and one day (UTC, days since the Unix epoch) and holds everything billed on
   that day so far: a later report of the same day replaces an earlier one and never says less.
2. It holds counts by agency and identifier group, in order and each once. No element, no token, no request.
3. The trustee signs it with a key of its manifest; the exact bytes are kept.
4. The encoding is JSON with sorted keys; anything but its one encoding is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from passerelle import whole_json
from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.identity import check_agency
from passerelle.record import MAX_LARGE

REPORT_TYPE: Final = "application/vnd.passerelle.evaluation-report.v1+json"
MAX_REPORT_BYTES: Final = 192 * 1024
_LAST_DAY: Final = 1_000_000
_MOST: Final = 2**48
"""Elements of an agency's group on a day: beyond what can be evaluated, and a database can add them up."""


@dataclass(frozen=True, slots=True, order=True)
class EvaluationCount:
    """What one agency had evaluated for one group: requests, and blinded elements in them."""

    agency: str
    group: Group
    requests: int
    elements: int


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """One day of one trustee. `trustee` is its agency, `made` microseconds UTC.

    Raises:
        PasserelleError: `evaluation_report_invalid`, `identity_malformed`.
    """

    trustee: str
    day: int
    made: int
    counts: tuple[EvaluationCount, ...]

    def __post_init__(self) -> None:
        check_agency(self.trustee)
        if not 0 <= self.day <= _LAST_DAY or not 0 <= self.made <= MAX_LARGE:
            raise PasserelleError("evaluation_report_invalid", "day or time")
        keys = [(count.agency, count.group.value) for count in self.counts]
        if keys != sorted(set(keys)):
            raise PasserelleError("evaluation_report_invalid", "counts out of order or twice")
        for count in self.counts:
            check_agency(count.agency)
            if not 0 < count.requests <= count.elements <= _MOST:
                raise PasserelleError("evaluation_report_invalid", "a count that cannot be")

    def says_less_than(self, earlier: EvaluationReport) -> bool:
        """Whether something that an earlier report of the day counted is missing here (rule 1)."""
        now = {(count.agency, count.group): count for count in self.counts}
        for before in earlier.counts:
            count = now.get((before.agency, before.group))
            if count is None or count.elements < before.elements or count.requests < before.requests:
                return True
        return False


def encode_report(report: EvaluationReport) -> bytes:
    """The bytes to sign (rule 4)."""
    fields = {
        "counts": [[row.agency, row.group.value, row.requests, row.elements] for row in report.counts],
        "day": report.day,
        "made": report.made,
        "trustee": report.trustee,
    }
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def decode_report(payload: bytes) -> EvaluationReport:
    """Read verified bytes.

    Raises:
        PasserelleError: `evaluation_report_invalid`, `identity_malformed`.
    """
    if len(payload) > MAX_REPORT_BYTES:
        raise PasserelleError("evaluation_report_invalid", f"{len(payload)} bytes")
    try:
        fields = cast("Mapping[str, Any]", whole_json.loads(payload))
        report = EvaluationReport(
            trustee=str(fields["trustee"]),
            day=int(fields["day"]),
            made=int(fields["made"]),
            counts=tuple(
                EvaluationCount(str(agency), Group(group), int(requests), int(elements))
                for agency, group, requests, elements in fields["counts"]
            ),
        )
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise PasserelleError("evaluation_report_invalid", type(error).__name__) from error
    if encode_report(report) != payload:
        raise PasserelleError("evaluation_report_invalid", "not in its one encoding")
    return report
