"""What `doctor` looks at in a hub: keys, certificate, registry, policies, database, disk, listener."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from passerelle import checks
from passerelle.certificate import Usage
from passerelle.checks import Check, State, checked
from passerelle.clock import SECOND, Clock, SystemClock
from passerelle.config import load
from passerelle.entry_files import read_registry_key
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.registry_entry import Status
from passerelle.rpc.material import own_material
from passerelle.selftest import selftest
from passerelle_hub.backup.copying import newest
from passerelle_hub.batch_checks import rescored_batches, waiting_batches, waiting_clusters
from passerelle_hub.config import HubSettings
from passerelle_hub.entries import stored_entries
from passerelle_hub.opening import active_bundle, folders, signers_of
from passerelle_hub.policy.bundle import load_bundle
from passerelle_hub.store import Database, origin
from passerelle_hub.store.migrated import behind
from passerelle_hub.trust_checks import log_age, stamp_age, trusted


def examine(config: Path) -> Iterator[Check]:
    """Every finding about a hub's set-up; it may run meanwhile."""
    yield from look(load(HubSettings, config), SystemClock())


def look(settings: HubSettings, clock: Clock) -> Iterator[Check]:
    """The same for settings that were read."""
    path, keys = settings.path, settings.keys
    yield checked("cryptography", _selftest)
    yield checks.tables("passerelle_hub")
    yield from checks.key_files(map(path, (keys.signing, keys.manifest, keys.pepper, settings.tls.key)))
    yield checks.leaf(settings, settings.tls, Usage.SERVER, clock.now())
    yield checked("key and certificate", lambda: _pair(settings))
    yield checked("registry", lambda: _registry(settings))
    yield from trusted(settings, clock)
    yield checked("policy", lambda: _policy(settings))
    yield checked("database", lambda: _database(settings))
    yield checked("batches", lambda: waiting_batches(settings, clock))
    yield checked("rescoring", lambda: rescored_batches(settings))
    yield checked("clusters", lambda: waiting_clusters(settings, clock))
    yield checked("log", lambda: log_age(settings, clock))
    yield checked("timestamps", lambda: stamp_age(settings, clock))
    yield checked("backup", lambda: backup_age(settings, clock))
    yield checks.disk(settings.base)
    yield checked("listener", lambda: _listening(settings))


def _selftest() -> str:
    selftest()
    return "hybrid signatures and sealing work"


def _pair(settings: HubSettings) -> str:
    own_material(settings, settings.tls, Usage.SERVER).read()
    return "belong together"


def _registry(settings: HubSettings) -> str | Check:
    key = read_registry_key(settings.path(settings.registry.key))
    entries = [one.verified(key) for one in stored_entries(settings.path(settings.registry.entries))]
    active = {entry.agency for entry in entries if entry.status is Status.ACTIVE}
    text = f"{len(entries)} entries verify, {len(active)} of them active"
    if settings.director not in active:
        fix = "Name an enrolled agency as director; links under embargo reach no desk."
        return Check("registry", State.WARN, f"{text}; the director is none of them", fix)
    return text


def _policy(settings: HubSettings) -> str | Check:
    signers = signers_of(settings)
    if not signers.keys:
        return f"revision {load_bundle(*folders(settings)).revision}, by an unsigned folder"
    if "://" not in settings.database and not settings.path(settings.database).exists():
        return Check("policy", State.WARN, "no signed revision yet", "Activate the first signed bundle.")
    with closing(Database(settings.database_url)) as database:
        bundle, state, _ = active_bundle(settings, database, signers)
    return f"revision {bundle.revision}, signed, generation {state.generation}"


def _database(settings: HubSettings) -> str | Check:
    if "://" not in settings.database and not settings.path(settings.database).exists():
        return Check("database", State.WARN, "not there yet", "Start the hub; it makes the database.")
    with closing(Database(settings.database_url)) as database:
        if steps := behind(database):
            fix = "Start the hub; it migrates before it listens."
            return Check("database", State.WARN, f"{steps} migrations behind", fix)
        with database.read() as tx:
            moved = origin.moved(tx)
    if moved:
        fix = "Run `passerelle hub recovery-begin --checkpoint FILE`; see docs/operate/backup.md."
        return Check("database", State.FAIL, "restored, or failed over, and nobody said so", fix)
    return "at the newest migration"


def backup_age(settings: HubSettings, clock: Clock) -> str | Check:
    """How old the newest copy is, where copies are made at all."""
    folder = settings.backup.folder
    if folder is None:
        fix = "Name a folder and an operator's key under [backup]; see docs/operate/backup.md."
        return Check("backup", State.WARN, "none is configured", fix)
    fix = "Run `passerelle hub backup` daily."
    try:
        hours = (clock.now() - newest(settings.path(folder))) / (3600 * SECOND)
    except PasserelleError:
        return Check("backup", State.FAIL, "no copy was made yet", fix)
    text = f"the newest copy is {hours:.1f} hours old"
    return Check("backup", State.FAIL, text, fix) if hours > settings.backup.max_age_hours else text


def _listening(settings: HubSettings) -> Check:
    identity, roots = Identity.parse(settings.identity), settings.path(settings.tls.roots).read_bytes()
    return asyncio.run(checks.listening(settings.listen, identity, roots))
