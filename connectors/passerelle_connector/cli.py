"""`passerelle connector`: what a partner's administrator types.

Nothing secret is an argument: keys are files of mode 0600 in the folder that the configuration names.
Values of rows are shown masked.
"""

from __future__ import annotations

import asyncio
import signal
from dataclasses import asdict
from typing import Any

from cyclopts import App

from passerelle.cli import FAILURE, OK, USAGE
from passerelle.clock import SystemClock
from passerelle.config import load
from passerelle.errors import PasserelleError
from passerelle.log import configure
from passerelle.store.sole import sole
from passerelle_connector.compose import build_withdrawer, connector
from passerelle_connector.compose_rows import build_preparation, build_source
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.display import show, show_meanings, show_one
from passerelle_connector.foundation import Environment, open_stores
from passerelle_connector.inbox_cli import add_to as add_inbox
from passerelle_connector.judge.cli import add_to as add_judge
from passerelle_connector.keys_cli import add_to as add_keys
from passerelle_connector.normalise import FIELDS
from passerelle_connector.options import DEFAULT, AsJson, Config
from passerelle_connector.preview_cli import add_to as add_preview
from passerelle_connector.query.cli import add_to as add_query
from passerelle_connector.reconcile import Reconciled
from passerelle_connector.running import until
from passerelle_connector.status_cli import add_to as add_status
from passerelle_connector.trial import try_source

app = App(name="connector", help="Submit a partner's records and receive its notifications.")
for add in (add_keys, add_status, add_inbox, add_preview, add_query, add_judge):
    add(app)


@app.command
def run(*, config: Config = DEFAULT) -> None:
    """Run the connector until SIGTERM.

    Args:
        config: the connector's configuration.
    """
    settings = load(ConnectorSettings, config)
    configure("connector", settings.log_level)
    with sole(settings.path(settings.store)):
        asyncio.run(_until_stopped(settings))


@app.command
def submit(*, once: bool = True, config: Config = DEFAULT, as_json: AsJson = False) -> int:
    """Read the source, deliver what is new, and leave; with --no-once, keep running.

    Args:
        once: read the source once.
        config: the connector's configuration.
        as_json: print JSON.
    """
    settings = load(ConnectorSettings, config)
    if not once:
        run(config=config)
        return OK
    configure("connector", settings.log_level)
    with sole(settings.path(settings.store)):
        outcome = asyncio.run(_submit(settings))
    show_one(outcome, "submitted", as_json=as_json)
    return OK


@app.command(name="test-source")
def test_source(*, rows: int = 10, config: Config = DEFAULT, as_json: AsJson = False) -> int:
    """Read the whole source without sending anything: masked samples, coverage, what is refused.

    Args:
        rows: how many samples to show.
        config: the connector's configuration.
        as_json: print JSON.
    """
    settings = load(ConnectorSettings, config)
    fields = settings.map.keys() & FIELDS
    trial = try_source(build_source(settings), build_preparation(settings), fields, SystemClock().now(), rows)
    coverage = [
        {"field": name, "rows": many, "percent": trial.percent(name)} for name, many in trial.coverage.items()
    ]
    problems = [{"code": code, "field": name, "rows": many} for code, name, many in trial.problems]
    set_aside = [{"code": code, "rows": many} for code, many in trial.set_aside.items()]
    figures = {"rows": trial.rows, "taken": trial.taken, "refused": trial.refused}
    tables = {
        "samples": trial.samples, "coverage": coverage, "problems": problems, "set_aside": set_aside
    }  # fmt: skip
    if as_json:
        show_one({**figures, **tables}, "source", as_json=True)
        return OK if trial.taken else FAILURE
    show(trial.samples, "samples", as_json=False)
    show(problems, "problems", as_json=False)
    show(set_aside, "set aside", as_json=False)
    show_meanings([code for code, _, _ in trial.problems] + list(trial.set_aside))
    for line in coverage:
        print(f"{line['field']}: {line['percent']} %")
    show_one(figures, "source", as_json=False)
    return OK if trial.taken else FAILURE


@app.command
def withdraw(
    *references: str,
    vanished: bool = False,
    release: bool = False,
    config: Config = DEFAULT,
    as_json: AsJson = False,
) -> int:
    """Withdraw records at the hub; sent by the connector that runs, or by the next submission.

    Args:
        references: your own references; such a row is not put again until it is released.
        vanished: withdraw all that the newest complete reading did not meet, and all that is refused.
        release: let the named rows be put again instead.
        config: the connector's configuration.
        as_json: print JSON.
    """
    if bool(references) == vanished or (release and vanished):
        print("either references (perhaps with --release) or --vanished")
        return USAGE
    settings = load(ConnectorSettings, config)
    stores = open_stores(settings)
    withdrawer = build_withdrawer(settings, stores, Environment.system())
    unknown: tuple[str, ...] = ()
    if vanished:
        figures: dict[str, Any] = {"withdrawn": withdrawer.confirmed()}
    elif release:
        figures = {"released": withdrawer.release(references)}
    else:
        done = withdrawer.by_reference(references)
        figures, unknown = {"withdrawn": done.done, "unknown": list(done.unknown)}, done.unknown
    stores.database.close()
    show_one(figures, "withdraw", as_json=as_json)
    return FAILURE if unknown else OK


@app.command
def reconcile(*, confirm: bool = False, config: Config = DEFAULT, as_json: AsJson = False) -> int:
    """Compare with the hub what it holds of us; what differs is sent again or withdrawn by the next reading.

    Args:
        confirm: withdraw what the hub holds and this connector cannot account for, however much.
        config: the connector's configuration.
        as_json: print JSON.
    """
    settings = load(ConnectorSettings, config)
    configure("connector", settings.log_level)
    done = asyncio.run(_reconcile(settings, confirmed=confirm))
    show_one(asdict(done), "reconciled", as_json=as_json)
    return OK if done.compared and not done.unexplained else FAILURE


async def _reconcile(settings: ConnectorSettings, *, confirmed: bool) -> Reconciled:
    async with connector(settings) as made:
        return await made.reconcile_once(confirmed=confirmed)


async def _submit(settings: ConnectorSettings) -> dict[str, Any]:
    try:
        async with connector(settings) as made:
            outcome = await made.submit_once()
    except PasserelleError as error:
        if error.code != "epoch_turned":
            raise
        return await _submit(settings.model_copy(update={"epoch": int(error.detail)}))
    return asdict(outcome)


async def _until_stopped(settings: ConnectorSettings) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await until(settings, stop)
