"""`passerelle hub`: what the hub operator types."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

from cyclopts import App, Parameter
from cyclopts.validators import Number

from passerelle.clock import SystemClock
from passerelle.config import load
from passerelle.display import show_table
from passerelle.entry_files import read_entry, read_registry_key
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.log import configure
from passerelle.newcomer_cli import enrol_command
from passerelle.store.sole import sole
from passerelle_hub import backup_cli, epoch_cli, standing_cli, weights_cli
from passerelle_hub.config import HubSettings
from passerelle_hub.enrol import KeyFiles, enrol
from passerelle_hub.figures import read_agencies, read_evaluations, read_links, read_status
from passerelle_hub.joining import JOINING
from passerelle_hub.logbook.cli import export_log
from passerelle_hub.match.calibration_cli import calibration
from passerelle_hub.run import serve
from passerelle_hub.several import hub_command, run_several
from passerelle_hub.start import open_core
from passerelle_hub.store import Database, Transaction

app = App(name="hub", help="Run the hub and look after it.")
app.command(export_log, name="export-log")
app.command(calibration)
app.command(weights_cli.app)

Config = Annotated[Path, Parameter(name="--config")]
AsJson = Annotated[bool, Parameter(name="--json", negative="")]
_DEFAULT = Path("hub.toml")
T = TypeVar("T")
backup_cli.register(app)


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
def run(
    *, config: Config = _DEFAULT, processes: Annotated[int, Parameter(validator=Number(gte=1, lte=64))] = 1
) -> None:
    """Run the hub until SIGTERM.

    Args:
        config: the hub's configuration.
        processes: how many hub processes share the address; more than one needs PostgreSQL.
    """
    settings = load(HubSettings, config)
    configure("hub", settings.log_level)
    if processes > 1:
        if not settings.database_url.startswith("postgresql"):
            raise PasserelleError("config_invalid", "several processes need PostgreSQL")
        run_several(hub_command(config), processes)
        return
    if "://" in settings.database:
        asyncio.run(serve(settings))
        return
    with sole(settings.path(settings.database)):
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
            added = core.registry.add(tx, read_entry(entry).signed)
    finally:
        core.close()
    print(f"{added.agency}: revision {added.revision}, {added.status}")


app.command(enrol_command(JOINING, "set database, [policy] and director in hub.toml, then run"), name="enrol")
app.command(epoch_cli.app)
app.command(standing_cli.suspend)
app.command(standing_cli.resume)
app.command(standing_cli.revoke)


@app.command
def status(*, config: Config = _DEFAULT, as_json: AsJson = False) -> None:
    """Figures of the hub's database; never an identifier.

    Args:
        config: the hub's configuration.
        as_json: print JSON.
    """
    figures = _read(load(HubSettings, config), read_status)
    if as_json:
        print(json.dumps(figures, indent=2, sort_keys=True))
        return
    lines = [
        (f"{name} {key}".strip(), count)
        for name, value in sorted(figures.items())
        for key, count in (sorted(value.items()) if isinstance(value, dict) else [("", value)])
    ]
    show_table("hub", [{"what": what, "how many": count} for what, count in lines])


@app.command
def agencies(*, config: Config = _DEFAULT, as_json: AsJson = False) -> None:
    """Show each party: status, keys, records, batches, notifications.

    Args:
        config: the hub's configuration.
        as_json: print JSON.
    """
    settings, now = load(HubSettings, config), SystemClock().now()
    registry = read_registry_key(settings.path(settings.registry.key))
    _show({"agencies": _read(settings, lambda tx: read_agencies(tx, registry, now))}, as_json=as_json)


@app.command(name="links")
def links_(*, config: Config = _DEFAULT, as_json: AsJson = False) -> None:
    """Show how many links there are, by relation, state and band and by pair of agencies.

    Args:
        config: the hub's configuration.
        as_json: print JSON.
    """
    _show(_read(load(HubSettings, config), read_links), as_json=as_json)


@app.command
def evaluations(*, config: Config = _DEFAULT, as_json: AsJson = False) -> None:
    """Show what agencies had evaluated beside the tokens they submitted, and each trustee's last report.

    Args:
        config: the hub's configuration.
        as_json: print JSON.
    """
    settings, now = load(HubSettings, config), SystemClock().now()
    tolerance = settings.evaluations.tolerance()
    _show(_read(settings, lambda tx: read_evaluations(tx, now, tolerance)), as_json=as_json)


def _read(settings: HubSettings, read: Callable[[Transaction], T]) -> T:
    """Figures of the hub's database, beside a running hub or without one."""
    database = Database(settings.database_url)
    try:
        database.migrate()
        with database.read() as tx:
            return read(tx)
    finally:
        database.close()


def _show(tables: dict[str, list[dict[str, Any]]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(tables, indent=2, sort_keys=True))
        return
    for title, rows in tables.items():
        show_table(title, rows)
