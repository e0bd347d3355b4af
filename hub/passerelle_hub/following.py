"""Deciding by the revision that the table names, in every hub process, from one transaction to the next.

(1) every transaction that asks policy reads `policy_state` first and holds it until it ends; the tick too
    reads it;
(2) where the generation is another than this process last saw, the active revision is loaded: verified from
    its archive, a new engine started, everything remembered forgotten; then the shadow, if there is one;
(3) where that fails, nothing is decided: every answer is the denial `policy_unavailable`, with an alarm, and
    the next tick tries again. The former revision is not the active one any more and decides nothing.

With an OPA server, (2) serves the archive to it; until it answers by the new revision all are denials.
A hub whose configuration names no signers decides by its folder, as long as no revision was ever activated.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.decide import Decider
from passerelle_hub.policy.engine import ENGINE_DOWN, Engine, Publisher
from passerelle_hub.policy.model import PolicyInput
from passerelle_hub.policy.signatures import Signers
from passerelle_hub.policy.signed import SignedBundle, verify_archive
from passerelle_hub.shadow import Shadow
from passerelle_hub.store import Transaction, policies
from passerelle_hub.store.policies import State

_LOG = get_logger("policy")


@dataclass(frozen=True, slots=True)
class Workshop:
    """What engines are made with: `active` for a bundle that decides, `shadow` for one that is only tried.

    `bundles` serves the active archive to an engine that fetches it by itself.
    """

    active: Callable[[Bundle], Engine]
    shadow: Callable[[Bundle], Engine]
    bundles: Publisher | None = None


class Following:
    """Keeps one decider, and one shadow, at what the table says. Safe for use from several threads.

    Args:
        engine: the engine that the decider was made with; closed when another takes its place.
        seen: the state that the decider was made for.
    """

    def __init__(
        self,
        *,
        decider: Decider,
        engine: Engine,
        shadow: Shadow,
        signers: Signers,
        workshop: Workshop | None,
        seen: State,
    ) -> None:
        self._decider = decider
        self._engine = engine
        self._shadow = shadow
        self._signers = signers
        self._workshop = workshop
        self._lock = threading.Lock()
        self._seen = seen
        self._failed = False

    @property
    def seen(self) -> State:
        """The state that this process decides by."""
        return self._seen

    def follow(self, tx: Transaction) -> None:
        """Steps 1 to 3, before a decision in this transaction. Never raises for a revision that fails."""
        state = policies.state(tx, hold=True)
        if state != self._seen:
            with self._lock:
                if state != self._seen:
                    self._move(tx, state)

    def tick(self, tx: Transaction) -> None:
        """The same once a tick, without holding the state; tries again what failed.

        A tick reads the tables as they were when it began. A deciding transaction may have seen more since.
        """
        state = policies.state(tx)
        if state != self._seen or self._failed:
            with self._lock:
                if state.generation >= self._seen.generation:
                    self._move(tx, state)

    def close(self) -> None:
        """Stop the engines."""
        self._engine.close()
        self._shadow.end()

    def _move(self, tx: Transaction, state: State) -> None:
        if state.revision != self._seen.revision or self._failed:
            self._activate(tx, state)
        if state.shadow != self._seen.shadow:
            self._try(tx, state)
        self._seen = state

    def _activate(self, tx: Transaction, state: State) -> None:
        former = self._engine
        try:
            signed = self._verified(tx, state.revision)
            workshop = self._equipped()
            if workshop.bundles is not None:
                workshop.bundles.publish(signed.archive, signed.digest)
            engine = workshop.active(signed.bundle)
            self._decider.activate(engine, signed.bundle)
        except Exception as error:  # noqa: BLE001 - whatever it is, the former revision must not go on
            detail = error.code if isinstance(error, PasserelleError) else type(error).__name__
            _LOG.error("policy.not_loaded", revision=state.revision, detail=detail)
            engine = _Closed()
            self._decider.activate(engine, self._decider.bundle)
            self._failed = True
        else:
            self._failed = False
            _LOG.info("policy.loaded", revision=state.revision, state=str(state.generation))
        self._engine = engine
        former.close()

    def _try(self, tx: Transaction, state: State) -> None:
        self._shadow.end()
        if not state.shadow:
            return
        try:
            signed = self._verified(tx, state.shadow)
            self._shadow.begin(self._equipped().shadow(signed.bundle), signed.bundle)
        except PasserelleError as error:
            _LOG.error("policy.not_loaded", revision=state.shadow, detail=error.code)

    def _verified(self, tx: Transaction, revision: str) -> SignedBundle:
        signed = verify_archive(policies.archive(tx, revision) or b"", self._signers)
        if signed.bundle.revision != revision:
            raise PasserelleError("policy_bundle_invalid", "stored under the name of another revision")
        return signed

    def _equipped(self) -> Workshop:
        if self._workshop is None:
            raise PasserelleError(ENGINE_DOWN, "this process has no means to load another revision")
        return self._workshop


class _Closed:
    """The engine of a process that could not load the active revision."""

    def evaluate(self, package: str, requests: Mapping[str, PolicyInput], /) -> Mapping[str, object]:
        """See `Engine.evaluate`."""
        raise PasserelleError(ENGINE_DOWN, f"the active revision is not loaded; {package}, {len(requests)}")

    def close(self) -> None:
        """Nothing to stop."""
