"""The retention sweep: what is past its expiry is erased, and every link it stood in.

Runs as a job. One transaction per record, so that a crash loses nothing and repeats nothing: an erased
record has no expiry any more. It is found and erased in the same transaction: one whose agency is just
giving it a longer time is passed over. One process sweeps at a time, also where two take themselves for the
leader: of a link whose records both expire, each would close its own end.
"""

from __future__ import annotations

from passerelle.clock import Clock
from passerelle.notification import LinkState
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.index import split
from passerelle_hub.logbook import vouch
from passerelle_hub.store import Database, Transaction, links, marks, records, turns
from passerelle_hub.store.records import StoredRecord

ACTOR = "hub/retention"


class Retention:
    """Erases expired records. Blocking; called on a write thread of the hub."""

    def __init__(self, database: Database, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def sweep(self, limit: int = 1_000) -> int:
        """Erase at most `limit` expired records; returns how many."""
        erased = 0
        while erased < limit and self._erase_next():
            erased += 1
        if erased:
            with self._database.write() as tx:
                self._audit.append(tx, EventKind.RETENTION_SWEPT, ACTOR, records=erased)
        return erased

    def _erase_next(self) -> bool:
        now = self._clock.now()
        with self._database.write() as tx:
            turns.take(tx)
            found = records.expired(tx, now, 1)
            for record in found:
                erase(tx, self._audit, record, now, ACTOR)
        return bool(found)


def erase(tx: Transaction, audit: Audit, record: StoredRecord, now: int, actor: str) -> None:
    """Erase an active record and every link it stands in, each with its event."""
    audit.append(
        tx,
        EventKind.RECORD_ERASED,
        actor,
        vouch=vouch.expired(records.remains(tx, record.record_pk)),
        agency=record.agency,
        record=record.record_id.hex(),
    )
    marks.remove(tx, [(mark, record.record_pk) for mark in split(record.marks)])
    records.erase(tx, record.record_pk, "expired")
    for link in links.of_records(tx, [record.record_pk]).values():
        if link.state == LinkState.ERASED:
            continue
        erased = links.erased(link, now)
        audit.append(
            tx,
            EventKind.LINK_CHANGED,
            actor,
            vouch=vouch.link(erased),
            link=link.link_id.hex(),
            state=LinkState.ERASED.value,
        )
        links.change(tx, erased)
