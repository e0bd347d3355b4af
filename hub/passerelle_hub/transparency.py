"""The log: an RFC 6962 tree with one leaf per tick, so that its growth tells nobody how much happened.

(1) events wait, committed with their effects, until the tick;
(2) the tick closes them under one root, paths inside padded to a fixed depth;
(3) the root becomes the next leaf of the tree;
(4) checkpoints are signed over the tree and handed to whoever asks.

Durability: an event is on disk before its effect is acknowledged. A tick lost by a crash is closed again
with the same events; a leaf never changes once written. One writer at a time (the hub's write thread).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from passerelle import merkle
from passerelle.checkpoint import CHECKPOINT_TYPE, Checkpoint
from passerelle.clock import Clock
from passerelle.codec.signed import decode_signed, encode_signed
from passerelle.errors import PasserelleError
from passerelle.notification import LogProof
from passerelle.sign import Signed, SigningKey, sign
from passerelle_hub.store import Transaction, log_store
from passerelle_hub.store.log_store import Tick

TICK_DEPTH = 16
"""Fixed depth of the paths inside a tick: 65,536 events at most; the rest wait for the next tick."""


class Transparency:
    """Closes ticks, signs checkpoints, proves inclusion and consistency."""

    def __init__(
        self,
        origin: str,
        key: SigningKey,
        clock: Clock,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._origin = origin
        self._key = key
        self._clock = clock
        self._random = random

    def close_tick(self, tx: Transaction) -> Tick:
        """Steps 2 and 3: take the open events, in order, into the next leaf; an empty tick counts too."""
        events = log_store.open_events(tx, 1 << TICK_DEPTH)
        number = log_store.size(tx)
        salt = self._random(32)
        root = merkle.tick_root([mark for _, mark in events], TICK_DEPTH, salt)
        tick = Tick(number, self._clock.now(), salt, root)
        log_store.close_tick(tx, tick, [key for key, _ in events])
        merkle.append_leaf(log_store.Nodes(tx), number, root)
        return tick

    def checkpoint(self, tx: Transaction) -> Signed:
        """Step 4: sign the tree as it stands."""
        size = log_store.size(tx)
        note = Checkpoint(self._origin, size, merkle.stored_root(log_store.Nodes(tx), size))
        signed = sign(self._key, CHECKPOINT_TYPE, note.text())
        log_store.put_checkpoint(tx, size, self._clock.now(), encode_signed(signed))
        return signed

    def latest(self, tx: Transaction) -> Signed:
        """The newest signed checkpoint.

        Raises:
            PasserelleError: `proof_unavailable`, none was signed yet.
        """
        raw = log_store.latest_checkpoint(tx)
        if raw is None:
            raise PasserelleError("proof_unavailable", "no checkpoint yet")
        return decode_signed(raw)

    def inclusion(self, tx: Transaction, commitment: bytes) -> LogProof:
        """Proof that an event stands in the log as it is now.

        Raises:
            PasserelleError: `proof_unavailable`, unknown or not in a tick yet (indistinguishable).
        """
        place = log_store.place(tx, commitment)
        if place is None:
            raise PasserelleError("proof_unavailable", "no such event in a tick")
        tick = log_store.tick(tx, place.tick)
        events = log_store.tick_events(tx, place.tick)
        nodes, size = log_store.Nodes(tx), log_store.size(tx)
        return LogProof(
            event_index=merkle.tick_slot(place.position, TICK_DEPTH, tick.salt),
            event_path=merkle.tick_path(events, place.position, TICK_DEPTH, tick.salt),
            tick=place.tick,
            tick_path=merkle.stored_inclusion(nodes, place.tick, size),
            tree_size=size,
            root=merkle.stored_root(nodes, size),
        )

    def consistency(self, tx: Transaction, old: int, new: int) -> tuple[bytes, ...]:
        """Proof (RFC 6962, 2.1.2) that the tree of `new` leaves extends the one of `old`.

        Raises:
            PasserelleError: `proof_unavailable`, sizes the tree never had.
        """
        if not 0 < old <= new <= log_store.size(tx):
            raise PasserelleError("proof_unavailable", "a size the tree does not have")
        return merkle.stored_consistency(log_store.Nodes(tx), old, new)
