"""The hub's log as one caller reaches it, in process; and a hub that lies with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hub_kit import HubKit

from passerelle.audit.follow import Shown
from passerelle.checkpoint import Checkpoint, sign_checkpoint
from passerelle.codec.log import event_proof_in, event_proof_out
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.log_proof import EventProof
from passerelle.note import Note
from passerelle_hub import calls
from passerelle_hub.logbook.reading import LogReader
from passerelle_hub.logbook.witnesses import Witnesses


@dataclass
class KitLog:
    """`LogPort` over a hub's core, with the same questions to policy as over the wire."""

    kit: HubKit
    peer: Identity
    hidden: set[bytes] = field(default_factory=set[bytes])
    """Commitments that a lying hub pretends not to have."""

    async def checkpoints(self) -> Shown:
        self.kit.core.access.require(self.peer, calls.CHECKPOINT)
        found = self._reader.checkpoints()
        return Shown(Note.parse(found.note), Note.parse(found.offered) if found.offered else None)

    async def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        self.kit.core.access.require(self.peer, calls.CONSISTENCY)
        return self._reader.consistency(old, new)

    async def prove(
        self, commitments: Sequence[bytes], subjects: Sequence[str], *, witnesses: int = 0
    ) -> tuple[Note, tuple[EventProof, ...]]:
        self.kit.core.access.require(self.peer, calls.PROVE)
        found = self._reader.prove(self.peer, commitments, subjects, witnesses)
        proofs = [event_proof_in(event_proof_out(proof)) for proof in found.proofs]
        return Note.parse(found.note), tuple(one for one in proofs if one.commitment not in self.hidden)

    async def cosign(self, note: Note) -> None:
        core = self.kit.core
        core.access.require(self.peer, calls.COSIGN)
        Witnesses(core.database, core.registry, core.audit, core.foundation.clock).cosign(self.peer, note)

    @property
    def _reader(self) -> LogReader:
        return LogReader(self.kit.core.database, self.kit.core.transparency)


@dataclass
class TwoFacedLog(KitLog):
    """A hub that shows this caller another tree, signed with its own key."""

    root: bytes = b"\x07" * 32
    lying: bool = False
    further: int = 0

    async def checkpoints(self) -> Shown:
        shown = await super().checkpoints()
        if not self.lying:
            return shown
        true = Checkpoint.parse(shown.newest.text)
        false = Checkpoint(true.origin, true.size + self.further, self.root)
        return Shown(sign_checkpoint(self.kit.core.foundation.signing_key, false), None)

    async def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        try:
            return await super().consistency(old, new)
        except PasserelleError:
            return (bytes(32),)  # it has to say something
