"""What `doctor` says of a hub's trust domains, and of the age of its log's checkpoint and quorum."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Final

from passerelle import trust_checks
from passerelle.checks import Check, State
from passerelle.clock import HOUR, SECOND, Clock
from passerelle.entry_files import read_registry_key
from passerelle.errors import PasserelleError
from passerelle.federation import Federation
from passerelle.identity import Identity
from passerelle.registry_entry import Status
from passerelle_hub.config import HubSettings
from passerelle_hub.entries import stored_entries
from passerelle_hub.store import Database, cosignatures, log_store, timestamps
from passerelle_hub.store.migrated import behind

WITNESSED: Final = HOUR
"""Age of the newest quorum from which on it is a warning, where `[log]` names no limit of its own."""

STAMPED: Final = 3
"""Rounds of the time-stamping authority without an answer from which on it is a warning."""


def trusted(settings: HubSettings, clock: Clock) -> Iterator[Check]:
    """Lists and roots of the hub's own trust domain and of every party that takes part."""
    try:
        domains = _domains(settings)
    except (PasserelleError, OSError):
        return  # said of the registry already
    folder = settings.path(settings.revocation.folder)
    yield from trust_checks.trust(settings.revocation, folder, domains, clock.now())


def _domains(settings: HubSettings) -> dict[str, bytes]:
    key = read_registry_key(settings.path(settings.registry.key))
    home = Identity.parse(settings.identity).trust_domain
    federation = Federation(home, settings.path(settings.tls.roots).read_bytes())
    for one in stored_entries(settings.path(settings.registry.entries)):
        federation.accept(one.verified(key))
    names = {one.trust_domain for one in federation.entries if one.status is not Status.REMOVED}
    return {name: federation.roots(name) for name in {home, *names}}


def log_age(settings: HubSettings, clock: Clock) -> Check | str:
    """How old the newest checkpoint is, and the newest one that a quorum of witnesses cosigned."""
    if "://" not in settings.database and not settings.path(settings.database).exists():
        return Check("log", State.WARN, "not there yet", "Start the hub; it makes the log.")
    with closing(Database(settings.database_url)) as database:
        if behind(database):
            return Check("log", State.WARN, "the database is behind", "Start the hub; it migrates it.")
        with database.read() as tx:
            newest = log_store.latest_checkpoint(tx)
            _, witnessed = cosignatures.newest(tx, settings.log.quorum)
    now = clock.now()
    if newest is None:
        return Check("log", State.WARN, "no checkpoint yet", "Start the hub; it signs one in a second.")
    age = (now - newest.created) / SECOND
    text = f"the newest checkpoint is {age:.0f} s old"
    if settings.log.max_age_seconds and age > settings.log.max_age_seconds:
        return Check("log", State.FAIL, f"{text}: nothing is released", "Look at the hub, its disk, its log.")
    if not witnessed:
        fix = "Let partners or the supervisor run a witness; see docs/operate/supervisor.md."
        return Check("log", State.WARN, f"{text}; {settings.log.quorum} witnesses never cosigned one", fix)
    since = now - witnessed
    text = f"{text}, {settings.log.quorum} witnesses cosigned one {since / SECOND:.0f} s ago"
    late = since > (settings.log.witnessed_max_age_seconds * SECOND or WITNESSED)
    return Check("log", State.WARN, text, "Ask the witnesses whether they run.") if late else text


def stamp_age(settings: HubSettings, clock: Clock) -> Check | str:
    """How old the newest timestamp is, where an authority is configured."""
    if not settings.timestamps.authority:
        return "no authority is configured"
    if "://" not in settings.database and not settings.path(settings.database).exists():
        return "the hub did not run yet"
    with closing(Database(settings.database_url)) as database:
        if behind(database):
            return "the hub did not run yet"
        with database.read() as tx:
            newest = timestamps.newest(tx)
    fix = "Look at `[timestamps]`, and at the authority; the event `timestamp.failed` says why."
    if not newest:
        return Check("timestamps", State.WARN, "no checkpoint was stamped yet", fix)
    age = (clock.now() - newest) / SECOND
    text = f"the newest is {age / 60:.0f} minutes old"
    return Check("timestamps", State.WARN, text, fix) if age > STAMPED * settings.timestamps.seconds else text
