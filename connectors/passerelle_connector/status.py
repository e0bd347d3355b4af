"""What `status` shows: figures and codes, never a value of a row."""

from __future__ import annotations

from collections import Counter
from typing import Any

from passerelle.audit.follow import kept_alarms
from passerelle.catalogue import catalogue
from passerelle.clock import moment
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.manifest_files import last_manifest
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.foundation import Stores
from passerelle_connector.rotate import endings


def keys_ending(settings: ConnectorSettings, now: int) -> list[dict[str, Any]]:
    """Kinds of key whose last one, in the newest manifest that we signed, ends within 30, 14, 7 or 1 days.

    Empty where the folder of keys holds no manifest: it lies elsewhere, and so does the watch over it.
    """
    try:
        manifest = last_manifest(settings.path(settings.keys), Identity.parse(settings.identity).agency)
    except PasserelleError:
        return []
    return [
        {
            "kind": ending.kind,
            "days": ending.days,
            "within": ending.threshold,
            "until": moment(ending.until).isoformat(),
            "fix": "passerelle connector rotate",
        }
        for ending in endings(manifest, now)
    ]


def log_alarms(settings: ConnectorSettings) -> list[str]:
    """What the watch over the hub's log kept as evidence, oldest first; it stays until somebody moves it."""
    return list(kept_alarms(settings.path(settings.log_state) / "evidence"))


def too_common(stores: Stores) -> list[dict[str, Any]]:
    """Each row of ours with a value that so many records share that the hub gives it no weight."""
    return [
        {"reference": reference, "kind": catalogue().kind(kind).name}
        for reference, kind in stores.holdings.common()
    ]


def _common(stores: Stores) -> dict[str, int]:
    return dict(Counter(row["kind"] for row in too_common(stores)))


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
        "promises_not_proven": stores.promises.count(),
        "too_common": _common(stores),
        "waits": [
            {"part": wait.part, "code": wait.code, "since": moment(wait.since).isoformat()}
            for wait in stores.waits.all()
        ],
    }
