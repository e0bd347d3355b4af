"""A small genuine export of a hub's log, for the fuzzer to spoil."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hub_kit import Outage, hub_kit
from parties import HUB
from simulator import register_hub

from passerelle.sign import VerifyingKey
from passerelle_hub.logbook.export import Exporter
from passerelle_hub.policy.bundle import load_bundle

POLICIES = Path(__file__).parents[3] / "policies"


def write_export(folder: Path) -> VerifyingKey:
    """Write one of a hub that knows itself and one agency; returns the registry's key."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        hub_kit(Path(scratch), Outage(None, down=True), load_bundle(POLICIES)) as hub,  # type: ignore[arg-type] # nothing is decided
    ):
        register_hub(hub)
        hub.agency("police")
        for _ in range(3):
            hub.beat()
        with hub.core.database.write() as tx:
            hub.core.transparency.checkpoint(tx)
        shutil.rmtree(folder)
        Exporter(hub.core.database, HUB).write(folder)
        return hub.registry_key.public
