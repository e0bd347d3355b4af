"""A hub whose changes are archived, and what restores it; for SQLite."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hub_kit import HubKit
from parties import HUB

from passerelle.note import Note
from passerelle.seal import SealingKey
from passerelle_hub.backup import copying
from passerelle_hub.backup import restore as restoring
from passerelle_hub.backup.archive import Archive, Seals
from passerelle_hub.backup.recovery import Recovery
from passerelle_hub.backup.restore import Restored
from passerelle_hub.compose import Core, build_core
from passerelle_hub.store import Database


@dataclass
class Vaulted:
    """A hub, its backup folder, the operator's key."""

    hub: HubKit
    source: Path
    folder: Path
    operator: SealingKey
    seals: Seals
    archive: Archive
    awaited: tuple[str, ...] = ("intelligence", "police")
    opened: list[Database] = field(default_factory=list[Database])

    def copy(self) -> copying.Made:
        core = self.hub.core
        pepper = core.foundation.pepper
        return copying.make(
            core.database, self.source, self.folder, self.seals, pepper, core.audit, self.hub.clock
        )

    def restore(self, target: Path, *, checkpoint: Note | None = None, accept_loss: bool = False) -> Restored:
        base, clock = self.hub.core.foundation, self.hub.clock

        def begin(database: Database, restored: Restored) -> None:
            Recovery(self.hub.core.audit, clock).begin(database, restored, self.awaited, str(HUB))

        where = restoring.Source(self.folder, str(HUB), base.signing_key.public, self.operator)
        return restoring.restore(
            where, target, base.pepper, begin, checkpoint=checkpoint, accept_loss=accept_loss
        )

    def core(self, target: Path) -> Core:
        """A hub on what was restored."""
        database = Database(f"sqlite:///{target}")
        self.opened.append(database)
        core = build_core(self.hub.core.foundation, database)
        with database.read() as tx:
            core.registry.refresh(tx)
        return core
