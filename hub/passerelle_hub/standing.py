"""What this hub itself decides: agencies it suspends (reversibly), certificates it bars. At once.

Suspending everywhere is the registry's (`passerelle pki suspend`), revoking is the authority's
(`passerelle pki revoke`). Both travel; the hub's own operator need not wait for them. A suspension holds from
the next tick on for every call and every message, and the sweep of the listener cuts streams on which nothing
moves: one second and fifteen, so that a stream ends within a minute by a wide margin.

The table is the truth; each tick reads it again, so that several processes agree. Each change is written
with its audit event in one transaction.
"""

from __future__ import annotations

from passerelle.clock import Clock
from passerelle.errors import PasserelleError
from passerelle.federation import Federation
from passerelle.identity import check_trust_domain
from passerelle.revocation import Revocations
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.store import Transaction, standing


class LocalStanding:
    """The hub's own decisions, and the federation and lists that they act on."""

    def __init__(self, federation: Federation, revocations: Revocations, audit: Audit, clock: Clock) -> None:
        self.revocations = revocations
        self._federation = federation
        self._audit = audit
        self._clock = clock

    def refresh(self, tx: Transaction) -> None:
        """Read the tables again."""
        self._federation.suspend(standing.suspended(tx))
        self.revocations.bar(standing.barred(tx))

    def suspend(self, tx: Transaction, agency: str, actor: str, reason: str) -> None:
        """Suspend an agency at this hub.

        Raises:
            PasserelleError: `agency_unknown`; `suspend_refused`, suspended already.
        """
        self._federation.entry(agency)
        if agency in standing.suspended(tx):
            raise PasserelleError("suspend_refused", f"{agency} is suspended already")
        self._audit.append(tx, EventKind.AGENCY_SUSPENDED, actor, agency=agency, reason=reason)
        standing.suspend(tx, agency, self._clock.now(), actor, reason)
        self.refresh(tx)

    def resume(self, tx: Transaction, agency: str, actor: str) -> None:
        """End a suspension.

        Raises:
            PasserelleError: `suspend_refused`, this hub does not suspend it.
        """
        if agency not in standing.suspended(tx):
            raise PasserelleError("suspend_refused", f"{agency} is not suspended by this hub")
        self._audit.append(tx, EventKind.AGENCY_RESUMED, actor, agency=agency)
        standing.resume(tx, agency)
        self.refresh(tx)

    def bar(self, tx: Transaction, trust_domain: str, serial: int, actor: str, reason: str) -> None:
        """Refuse a certificate at this hub, before its authority's list names it, and for ever.

        Raises:
            PasserelleError: `identity_malformed`; `suspend_refused`, barred already.
        """
        check_trust_domain(trust_domain)
        if (trust_domain, serial) in standing.barred(tx):
            raise PasserelleError("suspend_refused", f"{serial:x} is barred already")
        number = f"{serial:x}"
        self._audit.append(
            tx, EventKind.CERTIFICATE_BARRED, actor, trust_domain=trust_domain, serial=number, reason=reason
        )
        standing.bar(tx, trust_domain, serial, self._clock.now(), actor, reason)
        self.refresh(tx)
