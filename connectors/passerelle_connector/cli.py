"""`passerelle connector`: what a partner's administrator types.

Nothing secret is an argument: keys are files of mode 0600 in the folder that the configuration names.
Values of rows are shown masked.
"""

from __future__ import annotations

import asyncio
import signal
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from passerelle.cli import FAILURE, OK, USAGE
from passerelle.clock import SECOND, SystemClock, moment
from passerelle.codec.notification import decode_notification
from passerelle.config import load
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.log import configure
from passerelle.newcomer_cli import enrol_command
from passerelle_connector.compose import build_withdrawer, connector
from passerelle_connector.compose_ports import build_renewal
from passerelle_connector.compose_rows import build_preparation, build_source
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.display import show, show_one
from passerelle_connector.enrol import enrol
from passerelle_connector.explain import explain, said_of, words
from passerelle_connector.foundation import Environment, open_stores
from passerelle_connector.joining import JOINING
from passerelle_connector.judge.cli import add_to as add_judge
from passerelle_connector.normalise import FIELDS
from passerelle_connector.preview_cli import add_to as add_preview
from passerelle_connector.query.cli import add_to as add_query
from passerelle_connector.reconcile import Reconciled
from passerelle_connector.rotate import rotate as rotate_keys
from passerelle_connector.running import until
from passerelle_connector.status import keys_ending, log_alarms, read_status, too_common
from passerelle_connector.trial import try_source

app = App(name="connector", help="Submit a partner's records and receive its notifications.")
add_preview(app)
add_query(app)
add_judge(app)

Config = Annotated[Path, Parameter(name="--config")]
AsJson = Annotated[bool, Parameter(name="--json", negative="")]
_DEFAULT = Path("connector.toml")


_THEN = "set [source] and [map] in connector.toml, then `passerelle connector run`"
app.command(enrol_command(JOINING, _THEN), name="enrol")


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
def renew(*, config: Config = _DEFAULT) -> None:
    """Renew the leaf now; a connector that runs does so by itself at half the leaf's life.

    Args:
        config: the connector's configuration.
    """
    settings = load(ConnectorSettings, config)
    renewal = build_renewal(settings, Environment.system())
    if renewal is None:
        raise PasserelleError("renewal_not_configured", "no [pki]")
    authority, ahead = asyncio.run(renewal.probe())
    print(f"authority {authority}; its clock is {ahead / SECOND:+.1f} s from this machine's")
    asyncio.run(renewal.renew())
    print(f"leaf in {settings.path(settings.tls.chain)}, valid until {moment(renewal.due()).isoformat()}")


@app.command
def rotate(*, config: Config = _DEFAULT) -> None:
    """Make the next signing and sealing keys, and the key manifest that the registry's operator publishes.

    Args:
        config: the connector's configuration.
    """
    settings = load(ConnectorSettings, config)
    made = rotate_keys(Identity.parse(settings.identity), settings.path(settings.keys), SystemClock())
    print(f"for the registry: {made}\nthe new keys are used once your entry shows them")


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
    for line in coverage:
        print(f"{line['field']}: {line['percent']} %")
    show_one(figures, "source", as_json=False)
    return OK if trial.taken else FAILURE


@app.command
def withdraw(
    *references: str,
    vanished: bool = False,
    release: bool = False,
    config: Config = _DEFAULT,
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
def reconcile(*, confirm: bool = False, config: Config = _DEFAULT, as_json: AsJson = False) -> int:
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
    """Show rows, outbox, chain, inbox, keys that end soon, and what waits for whom.

    Exit code 1 where something waits, or the hub's log gave cause for an alarm.

    Args:
        config: the connector's configuration.
        as_json: print JSON.
    """
    settings = load(ConnectorSettings, config)
    stores = open_stores(settings)
    alarms, ending = log_alarms(settings), keys_ending(settings, SystemClock().now())
    figures = {**read_status(stores), "log_alarms": alarms, "keys_ending": ending}
    stores.database.close()
    show_one(figures, "connector", as_json=as_json)
    return FAILURE if figures["waits"] or alarms else OK


@app.command(name="too-common")
def too_common_(*, config: Config = _DEFAULT, as_json: AsJson = False) -> None:
    """List rows with a value that so many records share that the hub gives it no weight, as it last said.

    Args:
        config: the connector's configuration.
        as_json: print JSON.
    """
    stores = open_stores(load(ConnectorSettings, config))
    found = too_common(stores)
    stores.database.close()
    show(found, "too common", as_json=as_json)


@app.command
def inbox(*, after: int = 0, lang: str = "en", config: Config = _DEFAULT, as_json: AsJson = False) -> None:
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
    show(found, "inbox", as_json=as_json)


@app.command(name="explain")
def explain_(number: int, *, lang: str = "en", config: Config = _DEFAULT, as_json: AsJson = False) -> None:
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
