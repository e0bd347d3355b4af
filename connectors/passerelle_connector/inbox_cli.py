"""`passerelle connector inbox`, `explain`: what the hub told, and why; never a value of anybody's record."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cyclopts import App

from passerelle.clock import moment
from passerelle.codec.notification import decode_notification
from passerelle.config import load
from passerelle.errors import PasserelleError
from passerelle.notification import NotificationKind
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.display import show, show_one
from passerelle_connector.explain import explain, said_of, words
from passerelle_connector.foundation import open_stores
from passerelle_connector.options import DEFAULT, AsJson, Config


def add_to(app: App) -> None:
    """Put the commands on `passerelle connector`."""
    app.command(inbox, name="inbox")
    app.command(explain_, name="explain")


def inbox(*, after: int = 0, lang: str = "en", config: Config = DEFAULT, as_json: AsJson = False) -> None:
    """List notifications, oldest first; they hold no value of anybody's record.

    Args:
        after: only those after this number.
        lang: of the links' states in the table: en, fr, nl or de.
        config: the connector's configuration.
        as_json: print JSON, with the states as codes.
    """
    states = words(lang).states
    stores = open_stores(load(ConnectorSettings, config))
    found: list[dict[str, Any]] = []
    for item in stores.inbox.items(after):
        note = decode_notification(item.signed.payload)
        own = stores.rows.by_record(note.own_records)
        found.append(
            {
                "number": item.sequence,
                "kind": note.kind.value,
                "received": moment(item.received).isoformat(),
                "own": " ".join(sorted(row.reference for row in own.values())),
                "counterpart": note.counterpart,
                "agencies": note.agencies or "",
                "relation": note.relation.value,
                "band": note.band.value,
                "state": note.state.value if as_json else said_of(note, states),
                **({"verdict": note.verdict} if as_json else {}),
                "handling": note.handling,
                "link": note.link_id.hex(),
            }
        )
    stores.database.close()
    show(found if as_json else [_readable(row) for row in found], "inbox", as_json=as_json)


def _readable(row: dict[str, Any]) -> dict[str, str]:
    """A line of the table: what belongs together stands together."""
    first_dot = row["kind"] == NotificationKind.FIRST_DOT.value
    kind = "" if row["kind"] == NotificationKind.LINK.value else f"{row['kind']}: "
    about = "first dot" if first_dot else f"{kind}{row['relation']}, {row['band']}"
    return {
        "number": str(row["number"]),
        "received": row["received"][:16].replace("T", " "),
        "own": row["own"],
        "counterpart": f"{row['agencies']} agencies" if first_dot else row["counterpart"],
        "about": about.replace("_", " "),
        "state": row["state"],
        "handling": row["handling"],
        "link": row["link"],
    }


def explain_(number: int, *, lang: str = "en", config: Config = DEFAULT, as_json: AsJson = False) -> None:
    """Say why a notification's records were linked: what agrees and how much it weighs, never a value.

    Args:
        number: the notification's number, as `inbox` shows it.
        lang: en, fr, nl or de.
        config: the connector's configuration.
        as_json: print JSON.
    """
    stores = open_stores(load(ConnectorSettings, config))
    try:
        found = stores.inbox.items(number - 1, limit=1)
    finally:
        stores.database.close()
    if not found or found[0].sequence != number:
        raise PasserelleError("notification_unknown", f"number {number}")
    told = explain(decode_notification(found[0].signed.payload), words(lang))
    if as_json:
        show_one(asdict(told), "explanation", as_json=True)
        return
    for text in told.texts():
        print(text)
