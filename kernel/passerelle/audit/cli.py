"""`passerelle audit`: what a supervisor types, without a hub or beside one."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from passerelle.audit.verify import verify_export
from passerelle.sign import VerifyingKey

app = App(name="audit", help="Check the log of a hub from outside.")

AsJson = Annotated[bool, Parameter(name="--json", negative="")]


@app.command
def verify(
    *,
    offline: Path,
    registry_key: Path = Path("registry.pub"),
    quorum: int = 2,
    as_json: AsJson = False,
) -> None:
    """Check an export of the log: everything in it, without a hub; the first false thing is named.

    Args:
        offline: the folder that `passerelle hub export-log` wrote.
        registry_key: the registry's public key, got out of band.
        quorum: how many witnesses must have cosigned; 0 for a federation without witnesses.
        as_json: print JSON.
    """
    found = verify_export(offline, VerifyingKey(registry_key.read_bytes()), quorum)
    if as_json:
        print(json.dumps(asdict(found), indent=2, sort_keys=True))
        return
    print(
        f"the log holds: {found.log.ticks} ticks, {found.log.events} events, "
        f"{found.log.cosignatures} cosignatures\n"
        f"the hub holds what was logged: {found.batches} batches, {found.records} records in "
        f"{found.revisions} revisions, {found.decisions} decisions, {found.rows} other rows\n"
        f"not covered by the checkpoint yet: {found.log.tail} events, {found.pending} rows"
    )
