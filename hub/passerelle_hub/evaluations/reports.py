"""Taking in trustees' reports.

(1) the report is signed by a key of the manifest of the party that the connection's certificate names, and
    speaks of that party and of no day to come;
(2) it is newer than the one the hub has of that day, and says no less; the same one again is no fault;
(3) audit, then the exact bytes and their counts.

Idempotent. Called on a write thread of the hub, for a caller that may report.
"""

from __future__ import annotations

from passerelle.clock import DAY, Clock
from passerelle.codec.signed import decode_signed, encode_signed
from passerelle.errors import PasserelleError
from passerelle.evaluation_report import REPORT_TYPE, EvaluationReport, decode_report
from passerelle.identity import Identity
from passerelle.sign import Signed, verify
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.logbook import vouch
from passerelle_hub.registry import Registry
from passerelle_hub.store import Database, evaluations, turns


class Reports:
    """Keeps the newest report of each trustee and day."""

    def __init__(self, *, database: Database, registry: Registry, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._registry = registry
        self._audit = audit
        self._clock = clock

    def take(self, peer: Identity, signed: Signed) -> EvaluationReport:
        """Store a report.

        Raises:
            PasserelleError: `evaluation_report_invalid`, `evaluation_report_stale`, `agency_unknown`, or what
                manifest and signature raise.
        """
        report = self._verified(peer, signed)  # (1)
        raw = encode_signed(signed)
        with self._database.write() as tx:
            turns.take(tx)
            before = evaluations.report(tx, report.trustee, report.day)
            if before is not None:
                if before == raw:
                    return report
                _check_follows(report, decode_report(decode_signed(before).payload))  # (2)
            self._audit.append(  # (3)
                tx,
                EventKind.EVALUATIONS_REPORTED,
                str(peer),
                vouch=vouch.report(report.trustee, report.day, report.made, raw),
                day=report.day,
                agencies=len({count.agency for count in report.counts}),
                elements=sum(count.elements for count in report.counts),
            )
            evaluations.put_report(tx, report, raw)
        return report

    def _verified(self, peer: Identity, signed: Signed) -> EvaluationReport:
        now = self._clock.now()
        key = self._registry.manifest(peer.agency).signing_key(signed.signature.key_id, now)
        report = decode_report(verify(signed, key, REPORT_TYPE))
        if report.trustee != peer.agency:
            raise PasserelleError("evaluation_report_invalid", f"{peer.agency} speaks of {report.trustee}")
        if report.day > now // DAY:
            raise PasserelleError("evaluation_report_invalid", f"day {report.day} is to come")
        return report


def _check_follows(report: EvaluationReport, before: EvaluationReport) -> None:
    if report.made <= before.made or report.says_less_than(before):
        raise PasserelleError("evaluation_report_stale", f"{report.trustee}, day {report.day}")
