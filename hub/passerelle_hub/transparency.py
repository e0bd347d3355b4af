"""The log: an RFC 6962 tree with one leaf per tick, so that its growth tells nobody how much happened.

(1) events wait, committed with their effects, until the tick;
(2) the tick closes them under one root, paths inside padded to a fixed depth;
(3) the root becomes the next leaf of the tree;
(4) checkpoints are signed over the tree and handed to whoever asks. One in a round (a minute) is *offered*:
    witnesses cosign that one, so that their cosignatures meet on one tree (`witnesses`).

Durability: an event is on disk before its effect is acknowledged. A tick lost by a crash is closed again
with the same events; a leaf never changes once written. The leader closes ticks; of two that believe they
lead the second fails, since a tick's number stands once.
"""

from __future__ import annotations

import hmac
import secrets
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

from passerelle import merkle
from passerelle.audit.tiles import WIDTH, Tile, pack_entries
from passerelle.checkpoint import Checkpoint, sign_checkpoint
from passerelle.clock import SECOND, Clock
from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle.log_proof import EventProof
from passerelle.note import Note
from passerelle.notification import LogProof
from passerelle.sign import SigningKey
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.store import Transaction, log_store
from passerelle_hub.store.log_store import Placed, StoredCheckpoint, Tick

_LOG: Final = get_logger("log")
ACTOR: Final = "hub/log"
TICK_DEPTH: Final = 16
"""Fixed depth of the paths inside a tick: 65,536 events at most; the rest wait for the next tick."""
ROUND: Final = 60 * SECOND
"""How long one checkpoint is offered to witnesses."""


class Transparency:
    """Closes ticks, signs checkpoints, proves events and consistency."""

    def __init__(
        self,
        origin: str,
        key: SigningKey,
        clock: Clock,
        audit: Audit,
        random: Callable[[int], bytes] = secrets.token_bytes,
        witness_round: int = ROUND,
    ) -> None:
        self.origin: Final = origin
        self._key = key
        self._clock = clock
        self._audit = audit
        self._random = random
        self._round = witness_round

    def close_tick(self, tx: Transaction) -> Tick:
        """Steps 2 and 3: take the open events, in order, into the next leaf; an empty tick counts too."""
        number = log_store.size(tx)
        events = self._open(tx, number)
        salt = self._random(32)
        tick = Tick(number, self._clock.now(), salt, merkle.tick_root(events, TICK_DEPTH, salt))
        log_store.put_tick(tx, tick)
        merkle.append_leaf(log_store.Nodes(tx), number, tick.root)
        return tick

    def _open(self, tx: Transaction, number: int) -> list[bytes]:
        """The events of a tick; what the hub did not write is dropped, with an event that says so."""
        while True:
            taken = log_store.take_open(tx, number, 1 << TICK_DEPTH)
            forged = [mark for mark, tag in taken if not hmac.compare_digest(self._audit.seal.tag(mark), tag)]
            if not forged:
                return [mark for mark, _ in taken]
            _LOG.error("events.forged", events=len(forged))
            log_store.give_back(tx, number, forged)
            self._audit.append(tx, EventKind.EVENT_FORGED, ACTOR, events=len(forged))

    def checkpoint(self, tx: Transaction) -> Note:
        """Step 4: sign the tree as it stands; of one size there is one checkpoint."""
        size, now = log_store.size(tx), self._clock.now()
        if known := log_store.checkpoint_of(tx, size):
            return Note.parse(known.note)
        root = merkle.stored_root(log_store.Nodes(tx), size)
        note = sign_checkpoint(self._key, Checkpoint(self.origin, size, root))
        offered = log_store.offered_checkpoint(tx)
        fresh = size > 0 and (offered is None or offered.created + self._round <= now)
        log_store.put_checkpoint(tx, StoredCheckpoint(size, now, note.to_bytes(), fresh))
        return note

    def prove(self, tx: Transaction, events: Sequence[Placed], size: int) -> tuple[EventProof, ...]:
        """Proofs of events against the tree of `size` leaves; later ones are left out.

        A tick is read and hashed once, however many of its events are asked for.
        """
        nodes, root = log_store.Nodes(tx), merkle.stored_root(log_store.Nodes(tx), size)
        by_tick: defaultdict[int, list[Placed]] = defaultdict(list)
        for one in events:
            if one.tick < size:
                by_tick[one.tick].append(one)
        proofs: list[EventProof] = []
        for number, placed in by_tick.items():
            tick = log_store.tick(tx, number)
            tree = merkle.TickTree(log_store.tick_events(tx, number), TICK_DEPTH, tick.salt)
            path = merkle.stored_inclusion(nodes, number, size)
            for one in placed:
                slot, inside = tree.slots[one.position], tree.path(one.position)
                proofs.append(_proof(one, LogProof(slot, inside, number, path, size, root)))
        return tuple(proofs)

    def consistency(self, tx: Transaction, old: int, new: int) -> tuple[bytes, ...]:
        """Proof (RFC 6962, 2.1.2) that the tree of `new` leaves extends the one of `old`.

        Raises:
            PasserelleError: `proof_unavailable`, sizes the tree never had.
        """
        if not 0 < old <= new <= log_store.size(tx):
            raise PasserelleError("proof_unavailable", "a size the tree does not have")
        return merkle.stored_consistency(log_store.Nodes(tx), old, new)


def latest(tx: Transaction) -> StoredCheckpoint:
    """The newest signed checkpoint.

    Raises:
        PasserelleError: `proof_unavailable`, none was signed yet.
    """
    found = log_store.latest_checkpoint(tx)
    if found is None:
        raise PasserelleError("proof_unavailable", "no checkpoint yet")
    return found


def tile_of(tx: Transaction, tile: Tile) -> bytes:
    """A tile of the tree, see `passerelle.audit.tiles`.

    Raises:
        PasserelleError: `tile_unknown`, wider or further than the tree is.
    """
    start = tile.number * WIDTH
    if tile.level is None:
        leaves = log_store.roots(tx, start, tile.width)
        packed, found = pack_entries(list(leaves)), len(leaves)
    else:
        hashes = log_store.nodes(tx, 8 * tile.level, start, tile.width)
        packed, found = b"".join(hashes), len(hashes)
    if found < tile.width:
        raise PasserelleError("tile_unknown", f"{found} of {tile.width} nodes")
    return packed


def _proof(one: Placed, proof: LogProof) -> EventProof:
    event = one.event
    return EventProof(event.kind, event.happened, event.subject, event.vouched, event.inner, proof)
