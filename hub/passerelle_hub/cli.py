"""`passerelle hub`: what the hub operator types."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from passerelle.clock import SystemClock
from passerelle.codec.signed import decode_signed
from passerelle.config import load
from passerelle.identity import Identity
from passerelle.log import configure
from passerelle_hub.config import HubSettings
from passerelle_hub.enrol import KeyFiles, enrol
from passerelle_hub.run import open_core, serve
from passerelle_hub.store import Database, batches, decisions, links, log_store, marks, records

app = App(name="hub", help="Run the hub and look after it.")

Config = Annotated[Path, Parameter(name="--config")]
AsJson = Annotated[bool, Parameter(name="--json", negative="")]
_DEFAULT = Path("hub.toml")


@app.command
def init(*, config: Config = _DEFAULT) -> None:
    """Make the hub's keys, pepper, key manifest and certificate request; what exists stays as it is.

    Args:
        config: the hub's configuration.
    """
    settings = load(HubSettings, config)
    files = KeyFiles(
        signing=settings.path(settings.keys.signing),
        manifest=settings.path(settings.keys.manifest),
        pepper=settings.path(settings.keys.pepper),
        tls=settings.path(settings.tls.key),
    )
    made = enrol(Identity.parse(settings.identity), files, SystemClock())
    print(f"for the registry: {made.manifest}\nfor the authority: {made.request}")


@app.command
def run(*, config: Config = _DEFAULT) -> None:
    """Run the hub until SIGTERM."""
    settings = load(HubSettings, config)
    configure("hub", settings.log_level)
    asyncio.run(serve(settings))


@app.command
def agency(entry: Path, /, *, config: Config = _DEFAULT) -> None:
    """Add or replace an agency by its signed registry entry; a running hub sees it at its next tick.

    Args:
        entry: the entry file that pki wrote.
        config: the hub's configuration.
    """
    core = open_core(load(HubSettings, config))
    try:
        with core.database.write() as tx:
            added = core.registry.add(tx, decode_signed(entry.read_bytes()))
    finally:
        core.close()
    print(f"{added.agency}: revision {added.revision}, {added.status}")


@app.command
def status(*, config: Config = _DEFAULT, as_json: AsJson = False) -> None:
    """Figures of the hub's database; never an identifier.

    Args:
        config: the hub's configuration.
        as_json: print JSON.
    """
    figures = read_status(load(HubSettings, config).database_url)
    if as_json:
        print(json.dumps(figures, indent=2, sort_keys=True))
        return
    table = Table("what", "how many")
    for name, value in sorted(figures.items()):
        rows = sorted(value.items()) if isinstance(value, dict) else [("", value)]
        for key, count in rows:
            table.add_row(f"{name} {key}".strip(), str(count))
    Console().print(table)


def read_status(database_url: str) -> dict[str, int | dict[str, int]]:
    """Counts by state of what a hub's database holds."""
    database = Database(database_url)
    try:
        database.migrate()
        with database.read() as tx:
            return {
                "batches": batches.counts(tx),
                "records": records.counts(tx),
                "index_rows": marks.count(tx),
                "links": links.counts(tx),
                "decisions": decisions.count(tx),
                "audit_events": log_store.counts(tx),
                "log_ticks": log_store.size(tx),
            }
    finally:
        database.close()
