"""A hub's core as its configuration describes it: everything but the listener, ready to work.

Order: open and migrate the database, read the active policy and the keys, wire, read the registry, take what
the folder of entries holds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from passerelle.clock import SECOND, Clock, SystemClock
from passerelle.entry_files import read_registry_key, unreadable
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.keyfile import KeyKind, read_key
from passerelle.log import get_logger
from passerelle.sign import SigningKey, VerifyingKey
from passerelle_hub.backup.setup import open_database
from passerelle_hub.compose import Core, build_core
from passerelle_hub.config import HubSettings
from passerelle_hub.domains import Domains
from passerelle_hub.entries import begin_with_entries
from passerelle_hub.foundation import Foundation
from passerelle_hub.logbook.guard import LogGuard
from passerelle_hub.opening import open_policy
from passerelle_hub.store import Database, origin

_LOG = get_logger("hub")
_OTHER_CONNECTIONS = 4
"""Beside the writers': two readers, the tick, one to spare."""
_PATIENCE_SECONDS = 60.0


def open_core(settings: HubSettings) -> Core:
    """Everything but the listener, ready to work.

    Raises:
        PasserelleError: `config_invalid`, `recovery_due`, `policy_not_activated`, a key file that is open to
            others, a bundle or entry that does not hold.
    """
    folder, clock = settings.path, SystemClock()
    connections = settings.writers + _OTHER_CONNECTIONS
    database = _awaited(lambda: open_database(settings, clock, connections=connections))
    _at_home(database)
    policy = open_policy(settings, database)
    base = Foundation(
        identity=Identity.parse(settings.identity),
        director=settings.director,
        home_roots=_read(folder(settings.tls.roots)),
        registry_key=_registry_key(folder(settings.registry.key)),
        signing_key=SigningKey(read_key(folder(settings.keys.signing), KeyKind.SIGNING)),
        pepper=read_key(folder(settings.keys.pepper), KeyKind.PEPPER),
        domains=Domains(settings.domains),
        bundle=policy.bundle,
        engine=policy.engine,
        clock=clock,
        require_lists=settings.revocation.required,
        quotas=settings.quotas,
        quota_exceptions=settings.quota_exceptions,
        guard=_guard(settings, clock),
        tolerance=settings.evaluations.tolerance(),
        signers=policy.signers,
        workshop=policy.workshop,
        policy_state=policy.state,
    )
    core = build_core(base, database)
    with database.write() as tx:
        database.alone(tx)
        core.registry.refresh(tx)
        core.epochs.refresh(tx)
    begin_with_entries(core, settings)
    return core


def _at_home(database: Database) -> None:
    """A database that was restored is no hub's before it was held against the log that others know.

    Raises:
        PasserelleError: `recovery_due`.
    """
    with database.read() as tx:
        moved = origin.moved(tx)
    if moved:
        database.close()
        raise PasserelleError("recovery_due", "another server or timeline than the tables belong to")


def _awaited(opening: Callable[[], Database]) -> Database:
    """The database, migrated; a server that starts beside the hub is given time.

    Raises:
        PasserelleError: `database_unavailable`, or what else opening raises.
    """
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return opening()
        except PasserelleError as error:
            if error.code != "database_unavailable" or time.monotonic() > end:
                raise
            _LOG.warning("database.awaited", detail=error.detail)
            time.sleep(0.5)


def _guard(settings: HubSettings, clock: Clock) -> LogGuard:
    log = settings.log
    age, witnessed = int(log.max_age_seconds * SECOND), int(log.witnessed_max_age_seconds * SECOND)
    return LogGuard(clock, age, log.quorum, witnessed)


def _registry_key(path: Path) -> VerifyingKey:
    try:
        return read_registry_key(path)
    except OSError as error:
        raise unreadable(error) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(error) from error
