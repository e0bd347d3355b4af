"""`passerelle connector status`, `rejects`, `too-common`: what the store holds and what waits for whom."""

from __future__ import annotations

from typing import Any

from cyclopts import App

from passerelle.cli import FAILURE, OK
from passerelle.clock import SystemClock, moment
from passerelle.config import load
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.display import show, show_meanings, show_one
from passerelle_connector.foundation import open_stores
from passerelle_connector.options import DEFAULT, AsJson, Config
from passerelle_connector.status import keys_ending, log_alarms, read_status, too_common


def add_to(app: App) -> None:
    """Put the commands on `passerelle connector`."""
    app.command(status, name="status")
    app.command(rejects, name="rejects")
    app.command(too_common_, name="too-common")


def status(*, config: Config = DEFAULT, as_json: AsJson = False) -> int:
    """Show rows, outbox, chain, inbox, keys that end soon, and what waits for whom.

    Exit code 1 where something waits, or the hub's log gave cause for an alarm.

    Args:
        config: the connector's configuration.
        as_json: print JSON.
    """
    settings = load(ConnectorSettings, config)
    stores = open_stores(settings)
    alarms, ending = log_alarms(settings), keys_ending(settings, SystemClock().now())
    figures: dict[str, Any] = {**read_status(stores), "log_alarms": alarms, "keys_ending": ending}
    stores.database.close()
    show_one(figures, "connector", as_json=as_json)
    if not as_json:
        show_meanings([wait["code"] for wait in figures["waits"]] + alarms)
    return FAILURE if figures["waits"] or alarms else OK


def rejects(*, limit: int = 1_000, config: Config = DEFAULT, as_json: AsJson = False) -> None:
    """List rows and files that were set aside, and fields that were left out.

    Args:
        limit: how many, newest first.
        config: the connector's configuration.
        as_json: print JSON.
    """
    stores = open_stores(load(ConnectorSettings, config))
    found = [
        {
            "reference": item.reference,
            "code": item.code,
            "field": item.target,
            "set_aside": item.fatal,
            "reasons": " ".join(item.reasons),
            "at": moment(item.at).isoformat(),
        }
        for item in stores.rows.rejects(limit)
    ]
    stores.database.close()
    show(found, "rejects", as_json=as_json)
    if not as_json:
        show_meanings(str(row["code"]) for row in found)


def too_common_(*, config: Config = DEFAULT, as_json: AsJson = False) -> None:
    """List rows with a value that so many records share that the hub gives it no weight, as it last said.

    Args:
        config: the connector's configuration.
        as_json: print JSON.
    """
    stores = open_stores(load(ConnectorSettings, config))
    found = too_common(stores)
    stores.database.close()
    show(found, "too common", as_json=as_json)
