"""How a restored hub goes on: erasures first, then every connector's word, then matching.

(1) what was erased after the restored state is erased again;
(2) every active agency that takes part by connector is awaited, and the event is in the log; a restored
    PostgreSQL server is the hub's from now on, which without this step does not start on it (`store.origin`);
(3) while one is awaited the hub admits batches and answers calls, and matches and tells nothing: a record
    that its agency withdrew meanwhile must not be linked;
(4) an agency is awaited no more once it stood at the same place in its chain and both sides agreed on what
    the hub holds (`holdings`), or once the operator says that it will not come, with a reason;
(5) with the last one the hub matches again, from the oldest batch on.
"""

from __future__ import annotations

from collections.abc import Iterable

from passerelle.clock import Clock
from passerelle.errors import PasserelleError
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.backup.restore import Restored
from passerelle_hub.retention import erase
from passerelle_hub.store import Database, Transaction, changes, origin, records, recoveries


class Recovery:
    """Keeps who is awaited. Every call is part of the caller's transaction."""

    def __init__(self, audit: Audit, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock

    def begin(self, database: Database, restored: Restored, agencies: Iterable[str], hub: str) -> int:
        """Steps 1 and 2, in one transaction; returns how many agencies are awaited."""
        awaited = sorted(agencies)
        with database.write() as tx:
            self._audit.append(
                tx,
                EventKind.HUB_RESTORED,
                hub,
                change=restored.position.number,
                applied=restored.applied,
                erased=len(restored.erase),
                awaited=len(awaited),
            )
            for record in records.by_key(tx, restored.erase).values():
                if record.state == "active":
                    erase(tx, self._audit, record, self._clock.now(), hub)
            recoveries.wait_for(tx, awaited, self._clock.now())
            origin.settle(tx)
            changes.begin_anew(tx, restored.position.digest)
        return len(awaited)

    def agreed(self, tx: Transaction, agency: str, actor: str) -> None:
        """Step 4, by the agency's own word."""
        if recoveries.done(tx, agency):
            self._audit.append(tx, EventKind.RECOVERY_AGREED, actor, agency=agency)

    def waive(self, tx: Transaction, agency: str, actor: str, reason: str) -> None:
        """Step 4, by the operator's.

        Raises:
            PasserelleError: `agency_unknown`, nobody awaits it.
        """
        if not recoveries.done(tx, agency):
            raise PasserelleError("agency_unknown", f"{agency} is not awaited")
        self._audit.append(tx, EventKind.RECOVERY_WAIVED, actor, agency=agency, reason=reason)
