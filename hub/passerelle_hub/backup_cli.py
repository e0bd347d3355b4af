"""`passerelle hub backup` and what belongs to it; commands of `passerelle hub`.

The operator's private key is read by `restore` and `pepper-restore` alone; it lies on no machine of the hub
between times.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from passerelle.checkpoint import verify_checkpoint
from passerelle.clock import Clock, SystemClock
from passerelle.config import load
from passerelle.entry_files import read_registry_key
from passerelle.federation import Federation
from passerelle.identity import Identity, Role
from passerelle.keyfile import KeyKind, read_key, write_durably, write_key
from passerelle.note import Note
from passerelle.registry_entry import Status
from passerelle.revocation import Revocations
from passerelle.seal import SealingKey
from passerelle.sign import SigningKey
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.backup import copying, postgresql, setup
from passerelle_hub.backup import restore as restoring
from passerelle_hub.backup.archive import Seals
from passerelle_hub.backup.recovery import Recovery
from passerelle_hub.config import HubSettings
from passerelle_hub.logbook.writing import own_audit
from passerelle_hub.registry import Registry
from passerelle_hub.standing import LocalStanding
from passerelle_hub.store import Database, recoveries
from passerelle_hub.store.changes import Position
from passerelle_hub.store.database import postgresql_address

Config = Annotated[Path, Parameter(name="--config")]
_DEFAULT = Path("hub.toml")


def backup_key(file: Path, /) -> None:
    """Make the operator's key: the private half, to be kept away from the hub, and the public beside it.

    Args:
        file: where the private key goes; its public half gets the ending .pub.
    """
    key = SealingKey.generate()
    write_key(file, KeyKind.SEALING, key.raw)
    public = file.with_name(f"{file.name}.pub")
    write_durably(public, key.public.raw.hex().encode(), mode=0o644)
    print(f"for hub.toml, [backup] operator_key: {public}")


def backup(folder: Path, /, *, config: Config = _DEFAULT) -> None:
    """Copy the hub's database into a folder, sealed and signed; the hub may run meanwhile.

    Args:
        folder: the backup folder; best the one where changes are archived.
        config: the hub's configuration.
    """
    settings, clock = load(HubSettings, config), SystemClock()
    seals = setup.seals(settings)
    database = setup.open_database(settings, clock)
    try:
        if database.concurrent:
            _copy_cluster(settings, database, folder, seals, clock)
            return
        source = setup.database_file(settings)
        made = copying.make(
            database, source, folder, seals, _pepper(settings), own_audit(settings, clock), clock
        )
    finally:
        database.close()
    print(f"{made.file}: up to change {made.number}, {made.size} bytes")


def restore(
    folder: Path,
    /,
    *,
    operator_key: Annotated[Path, Parameter(name="--operator-key")],
    checkpoint: Annotated[Path | None, Parameter(name="--checkpoint")] = None,
    accept_loss: Annotated[bool, Parameter(name="--accept-loss", negative="")] = False,
    to: Annotated[Path | None, Parameter(name="--to")] = None,
    config: Config = _DEFAULT,
) -> None:
    """Restore the hub's database from a backup folder; the hub is stopped, its database moved away.

    Args:
        folder: the backup folder.
        operator_key: the operator's private key.
        checkpoint: the newest checkpoint that a witness or partner knows; the restored log must contain it.
        accept_loss: go on where changes are missing; only with a checkpoint.
        to: a new folder for the cluster, where the database is PostgreSQL; `recovery-begin` checks its log.
        config: the hub's configuration.
    """
    settings, clock = load(HubSettings, config), SystemClock()
    signer = SigningKey(read_key(settings.path(settings.keys.signing), KeyKind.SIGNING))
    operator = SealingKey(read_key(operator_key, KeyKind.SEALING))
    source = restoring.Source(folder, settings.identity, signer.public, operator)
    if to is not None:
        spool = settings.backup.spool
        count = postgresql.restore(source, to, _pepper(settings), settings.path(spool) if spool else None)
        print(f"{to}: with {count} segments of the log; start PostgreSQL on it, then, before the hub starts,")
        print("passerelle hub recovery-begin --checkpoint FILE")
        return
    audit = own_audit(settings, clock)

    def begin(database: Database, restored: restoring.Restored) -> None:
        database.migrate()
        awaited = _connectors(settings, database, audit)
        Recovery(audit, clock).begin(database, restored, awaited, settings.identity)

    done = restoring.restore(
        source,
        setup.database_file(settings),
        _pepper(settings),
        begin,
        checkpoint=Note.parse(checkpoint.read_bytes()) if checkpoint else None,
        accept_loss=accept_loss,
    )
    print(f"restored up to change {done.position.number}, {done.applied} of them after the copy")
    print("start the hub; it matches once every connector has reconciled (passerelle hub recovery)")
    print("make a new copy now: changes from here on continue none that was made before")


def recovery(*, config: Config = _DEFAULT) -> None:
    """Show which agencies a restored hub still awaits, as JSON.

    Args:
        config: the hub's configuration.
    """
    database = Database(load(HubSettings, config).database_url)
    try:
        with database.read() as tx:
            print(json.dumps({"awaited": recoveries.awaited(tx)}))
    finally:
        database.close()


def recovery_begin(*, checkpoint: Path, config: Config = _DEFAULT) -> None:
    """Tell a hub whose database was restored by other means (PostgreSQL's own) that it was.

    Args:
        checkpoint: the newest checkpoint that a witness or partner knows; the restored log must contain it.
        config: the hub's configuration.
    """
    settings, clock = load(HubSettings, config), SystemClock()
    key = SigningKey(read_key(settings.path(settings.keys.signing), KeyKind.SIGNING)).public
    known = verify_checkpoint(Note.parse(checkpoint.read_bytes()), settings.identity, key)
    database, audit = setup.open_database(settings, clock), own_audit(settings, clock)
    try:
        restoring.hold_against(database, known)
        awaited = _connectors(settings, database, audit)
        nothing = restoring.Restored(Position(0, b"", 0), 0)
        Recovery(audit, clock).begin(database, nothing, awaited, settings.identity)
    finally:
        database.close()


def waive(
    agency: str, /, *, reason: Annotated[str, Parameter(name="--reason")], config: Config = _DEFAULT
) -> None:
    """Await an agency no more after a restore; what it withdrew meanwhile may be matched once.

    Args:
        agency: its name.
        reason: why; it goes into the audit log.
        config: the hub's configuration.
    """
    settings, clock = load(HubSettings, config), SystemClock()
    database = setup.open_database(settings, clock)
    try:
        with database.write() as tx:
            Recovery(own_audit(settings, clock), clock).waive(tx, agency, settings.identity, reason)
    finally:
        database.close()


def pepper_escrow(file: Path, /, *, config: Config = _DEFAULT) -> None:
    """Seal the pepper to the operator into a file, to be kept apart from every backup.

    Args:
        file: a new file, not in a backup folder.
        config: the hub's configuration.
    """
    settings = load(HubSettings, config)
    copying.escrow(_pepper(settings), settings.identity, setup.seals(settings).operator, file)


def pepper_restore(
    file: Path,
    /,
    *,
    operator_key: Annotated[Path, Parameter(name="--operator-key")],
    config: Config = _DEFAULT,
) -> None:
    """Put the pepper back in its place, from its escrow.

    Args:
        file: what `pepper-escrow` wrote.
        operator_key: the operator's private key.
        config: the hub's configuration.
    """
    settings = load(HubSettings, config)
    operator = SealingKey(read_key(operator_key, KeyKind.SEALING))
    pepper = copying.open_escrow(file, settings.identity, operator)
    write_key(settings.path(settings.keys.pepper), KeyKind.PEPPER, pepper)


def register(app: App) -> None:
    """Add the commands to the hub's."""
    for command in (backup, backup_key, restore, recovery, pepper_escrow, pepper_restore):
        app.command(command)
    app.command(recovery_begin)
    app.command(waive, name="recovery-waive")


def _copy_cluster(
    settings: HubSettings, database: Database, folder: Path, seals: Seals, clock: Clock
) -> None:
    with database.write() as tx:
        own_audit(settings, clock).append(tx, EventKind.BACKUP_MADE, settings.identity)
    spool = settings.backup.spool
    address = postgresql_address(settings.database_url)
    where = settings.path(spool) if spool else None
    made = postgresql.copy(address, folder, seals, _pepper(settings), clock, where)
    print(f"{made}: {made.stat().st_size} bytes")


def _pepper(settings: HubSettings) -> bytes:
    return read_key(settings.path(settings.keys.pepper), KeyKind.PEPPER)


def _connectors(settings: HubSettings, database: Database, audit: Audit) -> tuple[str, ...]:
    """The active agencies that submit."""
    key = read_registry_key(settings.path(settings.registry.key))
    home = Federation(
        Identity.parse(settings.identity).trust_domain, settings.path(settings.tls.roots).read_bytes()
    )
    clock = SystemClock()
    registry = Registry(key, home, LocalStanding(home, Revocations(clock), audit, clock), audit, clock)
    with database.read() as tx:
        registry.refresh(tx)
    return tuple(
        entry.agency
        for entry in registry.members()
        if entry.status is Status.ACTIVE and Role.CONNECTOR in entry.roles
    )
