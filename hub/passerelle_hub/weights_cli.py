"""`passerelle hub weights`: learn from judged links, replay, sign by two persons, activate, roll back.

Keys and signers are those of policies (`passerelle policy key`, `[policy.signers]`). These commands work on
the hub's database, beside a running hub or without one.
"""

from __future__ import annotations

import getpass
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from passerelle.clock import SystemClock, moment
from passerelle.config import load
from passerelle.csr import load_key
from passerelle.display import show_table
from passerelle.errors import PasserelleError
from passerelle.keyfile import read_private, write_durably
from passerelle.notification import LinkState
from passerelle_hub.config import HubSettings
from passerelle_hub.logbook.writing import own_audit
from passerelle_hub.match.calibration_cli import judged
from passerelle_hub.match.change import decode_change, encode_change, learn
from passerelle_hub.match.signed_change import CHANGE, SCOPE, read_file, write_file
from passerelle_hub.match.trial import Trial, try_weights
from passerelle_hub.match.weights import weights as shipped_weights
from passerelle_hub.opening import signers_of
from passerelle_hub.policy.archive import APPROVAL
from passerelle_hub.policy.signatures import Signers, key_id, sign_first, sign_second, verify_first
from passerelle_hub.policy_common_cli import HUB, AsJson, Config, hub_database
from passerelle_hub.settle import populations
from passerelle_hub.store import Database, batches, weights
from passerelle_hub.weighing import ActiveWeights, WeightsOffice, refuse_newly_notified

app = App(name="weights", help="Weights of this hub: learned from judgements, signed by two persons.")
Flag = Parameter(negative="")
_JUDGED: Final = frozenset({LinkState.CONFIRMED, LinkState.REFUTED})
_LAST: Final = 10_000
"""Batches whose pairs a replay scores, newest first."""


@app.command
def labels(*, config: Config = HUB) -> None:
    """Print what analysts judged, as JSON lines: confirmed or refuted, and field to level. No link is named.

    Args:
        config: the hub's configuration.
    """
    with hub_database(load(HubSettings, config)) as database, database.read() as tx:
        rows = [
            {"judged": one.state.value, "levels": dict(one.levels)}
            for one in judged(tx)
            if one.state in _JUDGED
        ]
    for line in sorted(json.dumps(row, sort_keys=True) for row in rows):
        print(line)


@app.command
def propose(out: Path, /, *, config: Config = HUB) -> None:
    """Learn m from the links that analysts confirmed, over the shipped table, and write the change.

    Args:
        out: where the change goes; an existing file is left alone.
        config: the hub's configuration.
    """
    with hub_database(load(HubSettings, config)) as database, database.read() as tx:
        change = learn(judged(tx))
    write_durably(out, write_file({CHANGE: encode_change(change)}), mode=0o644)
    print(f"change {change.revision}: {change.confirmed} confirmed, {change.refuted} refuted\n{out}")
    before, after = shipped_weights(), change.over(shipped_weights())
    rows = [
        {"field": field, "level": level, "m": m, "learned": change.m[field][level]}
        | {"bits": before.fields[field][level], "then": after.fields[field][level]}
        for field, levels in before.chances.items()
        for level, (m, _) in levels.items()
        if change.m.get(field, {}).get(level, m) != m
    ]
    show_table("m", rows)


@app.command
def replay(change: Path, /, *, last: int = _LAST, config: Config = HUB, as_json: AsJson = False) -> None:
    """Score the stored pairs by a change: who would be newly notified, who no longer, who in another band.

    Args:
        change: the file, signed or not.
        last: how many batches at most, newest first.
        config: the hub's configuration.
        as_json: print JSON.
    """
    settings = load(HubSettings, config)
    body = read_file(change.read_bytes())[CHANGE]
    with hub_database(settings) as database:
        found = _tried(database, signers_of(settings), body, last)
    if as_json:
        print(json.dumps({**found.figures(), "moves": found.moves}))
    else:
        _show(found)


@app.command
def sign(
    change: Path,
    /,
    *,
    key: Annotated[Path, Parameter(name="--key")],
    approve_newly_notified: Annotated[bool, Flag] = False,
    last: int = _LAST,
    config: Config = HUB,
) -> None:
    """Sign a change: the first person, then another one, who sees the replay before their key is used.

    Args:
        change: the file; it is signed in place.
        key: the signer's private key, mode 0600 (`passerelle policy key`).
        approve_newly_notified: second signature: pairs that would be newly notified are meant.
        last: second signature: how many batches to replay.
        config: the hub's configuration, which names the signers.
    """
    settings, signer = load(HubSettings, config), load_key(read_private(key))
    files, signers = read_file(change.read_bytes()), signers_of(settings)
    revision = decode_change(files[CHANGE]).revision
    own = signers.persons.get(key_id(signer.public_key()))
    if own is None:
        raise PasserelleError("policy_signer_unknown", f"key {key_id(signer.public_key())}")
    if APPROVAL not in files:
        done = sign_first(files, signer, SystemClock().now(), SCOPE)
    else:
        first, _ = verify_first(files, signers, SCOPE)
        if first == own:
            raise PasserelleError("policy_signers_same", own)
        with hub_database(settings) as database:
            found = _tried(database, signers, files[CHANGE], last)
        _show(found)
        refuse_newly_notified(found, approved=approve_newly_notified)
        approved = approve_newly_notified
        done = sign_second(files, signer, figures=found.figures(), newly_allowed=approved, scope=SCOPE)
    write_durably(change, write_file(done), mode=0o644, replace=True)
    print(f"change {revision}, signed by {own}")


@app.command
def activate(change: Path, /, *, last: int = _LAST, config: Config = HUB) -> None:
    """Score by a signed change in all hub processes; stored pairs follow, some on each tick.

    Args:
        change: the file with two signatures.
        last: how many batches to replay for what is newly notified.
        config: the hub's configuration.
    """
    settings = load(HubSettings, config)
    with hub_database(settings) as database:
        signers = signers_of(settings)
        done = _office(settings, database).activate(
            change.read_bytes(), lambda body: _tried(database, signers, body, last), _actor()
        )
    print(f"active: {done.change.revision}, signed by {done.first} and {done.second}")


@app.command
def rollback(*, config: Config = HUB) -> None:
    """Score by what was active before the present change.

    Args:
        config: the hub's configuration.
    """
    settings = load(HubSettings, config)
    with hub_database(settings) as database:
        revision = _office(settings, database).roll_back(_actor())
    print(f"active: {revision or 'the shipped table'}")


@app.command
def history(*, config: Config = HUB, as_json: AsJson = False) -> None:
    """List every activation, newest first; the first line is what counts.

    Args:
        config: the hub's configuration.
        as_json: print JSON.
    """
    with hub_database(load(HubSettings, config)) as database, database.read() as tx:
        past = [asdict(row) for row in weights.listing(tx)]
    rows = [
        {
            "generation": row["generation"],
            "revision": row["revision"] or "shipped",
            "actor": row["actor"],
            "happened": moment(row["happened"]).isoformat(timespec="seconds"),
        }
        for row in past
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        show_table("weights", rows)


def _tried(database: Database, signers: Signers, body: bytes, last: int) -> Trial:
    with database.read() as tx:
        domains = {batch.domain for batch in batches.newest(tx, last)}
        now = populations(tx, domains, ActiveWeights(signers).change(tx))
        return try_weights(tx, now, body, last)


def _show(found: Trial) -> None:
    for name, count in found.figures().items():
        print(f"{name.replace('_', ' ')}: {count}")
    show_table("moves", [{"now": a, "then": b, "pairs": count} for a, b, count in found.moves])


def _office(settings: HubSettings, database: Database) -> WeightsOffice:
    signers, clock = signers_of(settings), SystemClock()
    if not signers.keys:
        raise PasserelleError("config_invalid", "[policy.signers] is empty: nobody may sign")
    return WeightsOffice(database, own_audit(settings, clock), signers, clock)


def _actor() -> str:
    return f"operator/{getpass.getuser()}"
