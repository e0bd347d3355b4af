"""`passerelle audit`: what a supervisor types, without a hub or beside one."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from passerelle.audit.config import SupervisorSettings
from passerelle.audit.joining import JOINING
from passerelle.audit.proofs import check_proof, read_known
from passerelle.audit.query import Found, Query
from passerelle.audit.supervisor import log_of, watch
from passerelle.audit.verify import verify_export
from passerelle.certificate import Usage
from passerelle.clock import SECOND, SystemClock
from passerelle.config import load
from passerelle.entry_files import read_registry_key
from passerelle.first_keys import FirstFiles, make_first_keys
from passerelle.identity import Identity
from passerelle.log import configure
from passerelle.newcomer_cli import enrol_command

app = App(name="audit", help="Check the log of a hub from outside.")
app.command(enrol_command(JOINING, "`passerelle audit witness`"), name="enrol")

AsJson = Annotated[bool, Parameter(name="--json", negative="")]


@app.command
def init(*, config: Path = Path("supervisor.toml")) -> None:
    """Make keys, key manifest and certificate request; what exists stays as it is.

    Args:
        config: the supervisor's configuration.
    """
    settings = load(SupervisorSettings, config)
    path = settings.path
    files = FirstFiles(path(settings.signing), path(settings.manifest), path(settings.tls.key))
    made = make_first_keys(Identity.parse(settings.identity), files, Usage.CLIENT, SystemClock())
    print(f"for the registry: {made.manifest}\nfor the authority: {made.request}")


@app.command
def verify(
    *,
    offline: Path,
    registry_key: Path = Path("registry.pub"),
    quorum: int = 2,
    timestamp_roots: Path | None = None,
    as_json: AsJson = False,
) -> None:
    """Check an export of the log: everything in it, without a hub; the first false thing is named.

    Args:
        offline: the folder that `passerelle hub export-log` wrote.
        registry_key: the registry's public key, got out of band.
        quorum: how many witnesses must have cosigned; 0 for a federation without witnesses.
        timestamp_roots: roots (PEM) of the time-stamping authority; without them timestamps say nothing.
        as_json: print JSON.
    """
    roots = timestamp_roots.read_bytes() if timestamp_roots is not None else b""
    found = verify_export(offline, read_registry_key(registry_key), quorum, roots)
    if as_json:
        print(json.dumps(asdict(found), indent=2, sort_keys=True))
        return
    print(
        f"the log holds: {found.log.ticks} ticks, {found.log.events} events, "
        f"{found.log.cosignatures} cosignatures, {found.log.timestamps} timestamps\n"
        f"the hub holds what was logged: {found.batches} batches, {found.records} records in "
        f"{found.revisions} revisions, {found.decisions} decisions, {found.rows} other rows\n"
        f"not covered by the checkpoint yet: {found.log.tail} events, {found.pending} rows"
    )


@app.command
def proof(
    file: Path,
    /,
    *further: Path,
    registry_key: Path = Path("registry.pub"),
    entries: Path = Path("entries"),
    quorum: int = 2,
) -> None:
    """Check proofs of inclusion that connectors kept (C2SP tlog-proof), without a hub.

    Args:
        file: a file ending in `.tlog-proof`.
        further: more of them.
        registry_key: the registry's public key, got out of band.
        entries: the folder of registry entries, which name hub and witnesses and their keys.
        quorum: how many witnesses must have cosigned; 0 for a federation without witnesses.
    """
    known = read_known(entries, read_registry_key(registry_key))
    for one in (file, *further):
        found = check_proof(one.read_bytes(), known, quorum)
        at = datetime.fromtimestamp(found.happened / SECOND, UTC).isoformat(timespec="milliseconds")
        what = f"{found.kind} {found.subject}".rstrip()
        print(f"{one.name}: {what} of {at} stands in leaf {found.proof.tick} of {found.proof.tree_size}")


@app.command
def witness(*, config: Path = Path("supervisor.toml"), once: bool = False) -> None:
    """Follow a hub's log: check that every checkpoint extends the one before, cosign what it offers.

    Args:
        config: the supervisor's configuration.
        once: one round, then stop.
    """
    settings = load(SupervisorSettings, config)
    configure("supervisor", settings.log_level)
    size = asyncio.run(watch(settings, once=once))
    print(f"the log of {size} ticks extends what was seen before")


@app.command
def search(
    *,
    purpose: str,
    kind: tuple[str, ...] = (),
    actor: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 100,
    config: Path = Path("supervisor.toml"),
    as_json: AsJson = False,
) -> None:
    """Look events up in a hub's log; the search itself and its purpose are logged.

    Args:
        purpose: why, as policy knows purposes.
        kind: kinds of events, see docs/audit-events.md; all where none is named.
        actor: who caused them, word for word.
        since: from this time on (UTC).
        until: before this time (UTC).
        limit: at most so many, 500 at once.
        config: the supervisor's configuration.
        as_json: print JSON.
    """
    query = Query(purpose, kind, actor, _microseconds(since), _microseconds(until), 0, limit)
    for found in asyncio.run(_search(load(SupervisorSettings, config), query)):
        event = found.event
        at = datetime.fromtimestamp(event.happened / SECOND, UTC).isoformat(timespec="milliseconds")
        if as_json:
            line = {"at": at, "kind": event.kind, "actor": event.actor, "tick": found.tick}
            print(json.dumps({**line, "detail": event.detail, "commitment": event.commitment.hex()}))
        else:
            print(f"{at}  {event.kind:28} {event.actor}  {event.detail}")


async def _search(settings: SupervisorSettings, query: Query) -> tuple[Found, ...]:
    async with log_of(settings) as log:
        return await log.search(query)


def _microseconds(at: datetime | None) -> int:
    if at is None:
        return 0
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * SECOND)
