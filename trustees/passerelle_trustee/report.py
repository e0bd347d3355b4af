"""Reports: what this trustee evaluated, day by day, said to the hub and kept for the supervisor.

(1) a day is due where more was billed on it than this process has reported; the last `DAYS` days count, so
    that a trustee or hub that was away for weeks makes up for it;
(2) the report holds everything billed on the day so far, and is signed;
(3) a copy goes to the folder for the supervisor, before anybody else has it;
(4) the hub takes it; only then is the day done. Whatever fails is tried again, and repeating is harmless.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from passerelle.clock import DAY, Clock
from passerelle.codec.signed import encode_signed
from passerelle.errors import PasserelleError
from passerelle.evaluation_report import REPORT_TYPE, EvaluationCount, EvaluationReport, encode_report
from passerelle.identity import Identity
from passerelle.keyfile import write_durably
from passerelle.log import get_logger
from passerelle.privatefile import make_folder
from passerelle.sign import Signed, SigningKey, sign
from passerelle_trustee.quota import Quota

DAYS: Final = 35
COPY_MODE: Final = 0o640
_LOG: Final = get_logger("trustee")

Send = Callable[[Signed], Awaitable[None]]
"""Hands a report to the hub; raises where the hub did not take it."""


class Reporter:
    """Makes the reports that are due."""

    def __init__(
        self, *, identity: Identity, quota: Quota, key: SigningKey, clock: Clock, copies: Path | None = None
    ) -> None:
        self._identity = identity
        self._quota = quota
        self._key = key
        self._clock = clock
        self._copies = copies
        self._reported: dict[int, int] = {}

    async def report(self, send: Send) -> int:
        """Steps 1 to 4; returns how many days were reported.

        Raises:
            PasserelleError: what `send` raises; the days before stay reported.
        """
        done = 0
        for report in self._due():
            signed = sign(self._key, REPORT_TYPE, encode_report(report))  # (2)
            self._copy(report.day, signed)  # (3)
            await send(signed)  # (4)
            self._reported[report.day] = _requests(report)
            _LOG.info("evaluations.reported", size=sum(count.elements for count in report.counts))
            done += 1
        return done

    def _due(self) -> list[EvaluationReport]:
        now = self._clock.now()
        today = now // DAY
        reports = (self._of_day(day, now) for day in range(today - DAYS + 1, today + 1))
        return [one for one in reports if _requests(one) > self._reported.get(one.day, 0)]  # (1)

    def _of_day(self, day: int, now: int) -> EvaluationReport:
        counts = (
            EvaluationCount(row.agency, row.group, row.requests, row.elements)
            for row in self._quota.counts(day)
        )
        return EvaluationReport(self._identity.agency, day, now, tuple(sorted(counts)))

    def _copy(self, day: int, signed: Signed) -> None:
        if self._copies is None:
            return
        file = self._copies / f"evaluations-{day}.signed"
        try:
            make_folder(self._copies, 0o750)
            write_durably(file, encode_signed(signed), mode=COPY_MODE, replace=True)
        except OSError as error:
            raise PasserelleError("config_invalid", f"reports.copies: {type(error).__name__}") from error


def _requests(report: EvaluationReport) -> int:
    return sum(count.requests for count in report.counts)
