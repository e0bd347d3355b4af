"""`passerelle policy`, third part: which signed revision decides.

These commands work on the hub's database, beside a running hub or without one.
"""

from __future__ import annotations

import getpass
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from passerelle.clock import SystemClock, moment
from passerelle.config import load
from passerelle.display import show_table
from passerelle.errors import PasserelleError
from passerelle_hub.audit import EventKind
from passerelle_hub.config import HubSettings
from passerelle_hub.explain.decision import explain
from passerelle_hub.logbook.writing import own_audit
from passerelle_hub.opening import signers_of
from passerelle_hub.policy.archive import read_archive, read_bundle
from passerelle_hub.policy_common_cli import HUB, AsJson, Config, hub_database, replayed
from passerelle_hub.revisions import Revisions
from passerelle_hub.store import Database, decisions, policies

Flag = Parameter(negative="")
_CHECKED = 10_000
"""Past decisions that an activation replays, to see whether it newly allows anything."""


def add_to(app: App) -> None:
    """Put the commands of this module on `passerelle policy`."""
    for name, command in (
        ("shadow", shadow),
        ("activate", activate),
        ("rollback", rollback),
        ("revisions", revisions),
        ("explain", explain_),
    ):
        app.command(command, name=name)


def activate(bundle: Path, /, *, config: Config = HUB, last: int = _CHECKED) -> None:
    """Make a signed bundle the active revision of all hub processes, at once.

    Args:
        bundle: the bundle with two signatures.
        config: the hub's configuration.
        last: how many past decisions to replay for what is newly allowed.
    """
    settings = load(HubSettings, config)
    with hub_database(settings) as database:
        done, state = _office(settings, database).activate(
            bundle.read_bytes(),
            lambda content: replayed(settings, database, content, last=last),
            _actor(),
        )
    print(f"active: {done.bundle.revision}, signed by {done.first} and {done.second}")
    print(f"generation {state.generation}; running hubs decide by it from their next transaction on")


def shadow(
    bundle: Path | None = None,
    /,
    *,
    report: Annotated[bool, Flag] = False,
    end: Annotated[bool, Flag] = False,
    config: Config = HUB,
    as_json: AsJson = False,
) -> None:
    """Try a signed bundle beside the active revision; --report shows its differences, --end ends the trial.

    Args:
        bundle: the bundle with two signatures.
        report: show what the present shadow, or that bundle, would have decided otherwise.
        end: end the trial.
        config: the hub's configuration.
        as_json: print the report as JSON.
    """
    settings = load(HubSettings, config)
    with hub_database(settings) as database:
        office = _office(settings, database)
        if end:
            office.unshadow(_actor())
            print("no shadow any more; its differences stay readable")
        elif report:
            _shadow_report(database, bundle, as_json=as_json)
        elif bundle is None:
            raise PasserelleError("config_invalid", "a bundle, --report or --end")
        else:
            done, _ = office.shadow(bundle.read_bytes(), _actor())
            print(f"shadow: {done.bundle.revision}; decisions stay those of the active revision")


def rollback(revision: str = "", /, *, config: Config = HUB) -> None:
    """Make a stored revision active again.

    Args:
        revision: an unmistakable beginning of its name, its data revision or its bundle's hash; the revision
            that was active before the present one where left out.
        config: the hub's configuration.
    """
    settings = load(HubSettings, config)
    with hub_database(settings) as database:
        done, state = _office(settings, database).roll_back(
            revision, lambda content: replayed(settings, database, content, last=_CHECKED), _actor()
        )
    print(f"active: {done.bundle.revision}, generation {state.generation}")


def revisions(*, config: Config = HUB, as_json: AsJson = False) -> None:
    """List the signed revisions in the hub's database, which is active, and every change so far.

    Args:
        config: the hub's configuration.
        as_json: print JSON.
    """
    with hub_database(load(HubSettings, config)) as database, database.read() as tx:
        state, stored, changes = policies.state(tx), policies.listing(tx), policies.changes(tx)
    rows = [
        {
            "revision": row.revision,
            "state": _standing(row.revision, state),
            "issued": moment(row.issued).isoformat(timespec="seconds"),
            "first": row.first,
            "second": row.second,
            "bundle": row.digest.hex(),
        }
        for row in stored
    ]
    past = [
        {**asdict(row), "happened": moment(row.happened).isoformat(timespec="seconds")} for row in changes
    ]
    if as_json:
        print(json.dumps({"generation": state.generation, "revisions": rows, "changes": past}, indent=2))
        return
    show_table("revisions", [{**row, "bundle": row["bundle"][:16]} for row in rows])
    show_table("changes", past)


def explain_(
    decision: str = "", /, *, lang: str = "en", config: Config = HUB, as_json: AsJson = False
) -> None:
    """Say in words which rules granted or denied a decision; the reading is audited.

    Args:
        decision: its id, 32 hexadecimal digits: from the log, a notification or a replay; the newest where
            left out.
        lang: en, fr, nl or de.
        config: the hub's configuration.
        as_json: print JSON.
    """
    settings = load(HubSettings, config)
    audit = own_audit(settings, SystemClock())
    with hub_database(settings) as database, database.write() as tx:
        told = explain(tx, decision or decisions.newest(tx), lang)
        audit.append(tx, EventKind.DECISION_EXPLAINED, _actor(), decision=told.decision)
    print(json.dumps(asdict(told), indent=2, ensure_ascii=False) if as_json else told.as_text())


def _office(settings: HubSettings, database: Database) -> Revisions:
    signers, clock = signers_of(settings), SystemClock()
    if not signers.keys:
        raise PasserelleError("config_invalid", "[policy.signers] is empty: nobody may sign")
    return Revisions(database, own_audit(settings, clock), signers, clock)


def _actor() -> str:
    return f"operator/{getpass.getuser()}"


def _standing(revision: str, state: policies.State) -> str:
    return {state.revision: "active", state.shadow: "shadow"}.get(revision, "")


def _shadow_report(database: Database, bundle: Path | None, *, as_json: bool) -> None:
    with database.read() as tx:
        named = read_bundle(read_archive(bundle.read_bytes())).revision if bundle else ""
        revision = named or policies.state(tx).shadow or _latest_shadow(policies.changes(tx))
        rows = [asdict(row) for row in policies.differences(tx, revision)]
    for row in rows:
        row["latest"] = moment(row["latest"]).isoformat(timespec="seconds")
    if as_json:
        print(json.dumps({"shadow": revision, "differences": rows}, indent=2))
        return
    print(f"shadow {revision or 'none'}: {sum(row['count'] for row in rows)} differences")
    show_table(
        "differences", [{k: v for k, v in row.items() if k not in ("active", "shadow")} for row in rows]
    )


def _latest_shadow(changes: list[policies.Change]) -> str:
    return next((row.revision for row in reversed(changes) if row.action == "shadowed"), "")
