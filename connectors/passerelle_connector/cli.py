"""`passerelle connector`: what a partner's administrator types.

Nothing secret is an argument: keys are files of mode 0600 in the folder that the configuration names.
Values of rows are shown masked.
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from passerelle.cli import FAILURE, OK
from passerelle.clock import SystemClock, moment
from passerelle.codec.notification import decode_notification
from passerelle.config import load
from passerelle.identity import Identity
from passerelle.log import configure
from passerelle_connector.compose import build_preparation, build_source, connector, open_stores
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.display import masked, show, show_one
from passerelle_connector.enrol import enrol
from passerelle_connector.prepare import Preparation, Prepared
from passerelle_connector.sources import RawRow, RejectedRow
from passerelle_connector.status import read_status

app = App(name="connector", help="Submit a partner's records and receive its notifications.")

Config = Annotated[Path, Parameter(name="--config")]
AsJson = Annotated[bool, Parameter(name="--json", negative="")]
_DEFAULT = Path("connector.toml")


@app.command
def init(*, config: Config = _DEFAULT) -> None:
    """Make keys, key manifest and certificate request; what exists stays as it is.

    Args:
        config: the connector's configuration.
    """
    settings = load(ConnectorSettings, config)
    identity = Identity.parse(settings.identity)
    made = enrol(identity, settings.path(settings.keys), settings.path(settings.tls.key), SystemClock())
    print(f"for the registry: {made.manifest}\nfor the authority: {made.request}")


@app.command
def run(*, config: Config = _DEFAULT) -> None:
    """Run the connector until SIGTERM.

    Args:
        config: the connector's configuration.
    """
    settings = load(ConnectorSettings, config)
    configure("connector", settings.log_level)
    asyncio.run(_until_stopped(settings))


@app.command
def submit(*, once: bool = True, config: Config = _DEFAULT, as_json: AsJson = False) -> int:
    """Read the source, deliver what is new, and leave; with --no-once, keep running.

    Args:
        once: read the source once.
        config: the connector's configuration.
        as_json: print JSON.
    """
    settings = load(ConnectorSettings, config)
    configure("connector", settings.log_level)
    if not once:
        asyncio.run(_until_stopped(settings))
        return OK
    outcome = asyncio.run(_submit(settings))
    show_one(outcome, "submitted", as_json=as_json)
    return OK


@app.command(name="test-source")
def test_source(*, rows: int = 10, config: Config = _DEFAULT, as_json: AsJson = False) -> int:
    """Read the whole source without sending anything; show masked samples and what is refused.

    Args:
        rows: how many samples to show.
        config: the connector's configuration.
        as_json: print JSON.
    """
    settings = load(ConnectorSettings, config)
    preparation, now = build_preparation(settings), SystemClock().now()
    samples: list[dict[str, Any]] = []
    problems: Counter[tuple[str, str]] = Counter()
    taken = refused = 0
    for raw in build_source(settings).records(0):
        good, notes = _try(raw, preparation, now)
        taken, refused = taken + good, refused + (not good)
        problems.update(notes)
        if isinstance(raw, RawRow) and len(samples) < rows:
            fields = " ".join(f"{name}={masked(value[0])}" for name, value in raw.fields.items())
            samples.append({"reference": masked(raw.reference), "taken": good, "fields": fields})
    found = [{"code": code, "field": field, "rows": count} for (code, field), count in problems.most_common()]
    figures = {"taken": taken, "refused": refused}
    if as_json:
        show_one({**figures, "samples": samples, "problems": found}, "source", as_json=True)
    else:
        show(samples, "samples", as_json=False)
        show(found, "problems", as_json=False)
        show_one(figures, "source", as_json=False)
    return OK if taken else FAILURE


@app.command
def rejects(*, limit: int = 1_000, config: Config = _DEFAULT, as_json: AsJson = False) -> None:
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


@app.command
def status(*, config: Config = _DEFAULT, as_json: AsJson = False) -> int:
    """Show rows, outbox, chain, inbox, and what waits for whom; exit code 1 where something waits.

    Args:
        config: the connector's configuration.
        as_json: print JSON.
    """
    stores = open_stores(load(ConnectorSettings, config))
    figures = read_status(stores)
    stores.database.close()
    show_one(figures, "connector", as_json=as_json)
    return FAILURE if figures["waits"] else OK


@app.command
def inbox(*, after: int = 0, config: Config = _DEFAULT, as_json: AsJson = False) -> None:
    """List notifications, oldest first; they hold no value of anybody's record.

    Args:
        after: only those after this number.
        config: the connector's configuration.
        as_json: print JSON.
    """
    stores = open_stores(load(ConnectorSettings, config))
    found: list[dict[str, Any]] = []
    for item in stores.inbox.items(after):
        note = decode_notification(item.signed.payload)
        own = stores.rows.by_record(note.own_records)
        found.append(
            {
                "number": item.sequence,
                "received": moment(item.received).isoformat(),
                "own": " ".join(sorted(row.reference for row in own.values())),
                "counterpart": note.counterpart,
                "relation": note.relation.value,
                "band": note.band.value,
                "state": note.state.value,
                "handling": note.handling,
                "link": note.link_id.hex(),
            }
        )
    stores.database.close()
    show(found, "inbox", as_json=as_json)


def _try(raw: RawRow | RejectedRow, preparation: Preparation, now: int) -> tuple[bool, list[tuple[str, str]]]:
    """Whether a row would be taken, and (code, field) of what is wrong with it."""
    if isinstance(raw, RejectedRow):
        return False, [(raw.code, raw.target)]
    prepared = preparation.prepare(raw, now)
    return isinstance(prepared, Prepared), [(note.code, note.target) for note in prepared.notes]


async def _submit(settings: ConnectorSettings) -> dict[str, Any]:
    async with connector(settings) as made:
        outcome = await made.submit_once()
    return {
        "rows": outcome.rows,
        "records": outcome.records,
        "refused": outcome.refused,
        "complete": outcome.complete,
    }


async def _until_stopped(settings: ConnectorSettings) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with connector(settings) as made:
        working = asyncio.create_task(made.run())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait({working})
            return
        working.result()
