"""What `status` shows: figures and codes, never a value of a row."""

from __future__ import annotations

from typing import Any

from passerelle.clock import moment
from passerelle_connector.compose import Stores


def read_status(stores: Stores) -> dict[str, Any]:
    """Figures of the connector's store, as JSON takes them."""
    known, refused = stores.rows.count()
    pending, batches = stores.outbox.counts()
    run = stores.rows.last_run()
    return {
        "rows": known,
        "rejects": refused,
        "last_reading": moment(run[1]).isoformat() if run else "",
        "last_reading_complete": run[2] if run else False,
        "records_without_batch": pending,
        "batches": batches,
        "sequence": stores.outbox.position().sequence,
        "last_refusal": stores.outbox.last_refusal(),
        "notifications": stores.inbox.cursor(),
        "waits": [
            {"part": wait.part, "code": wait.code, "since": moment(wait.since).isoformat()}
            for wait in stores.waits.all()
        ],
    }
