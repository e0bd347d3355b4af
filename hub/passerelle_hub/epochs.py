"""Token epochs: announced, open beside the one before, closed. The operator decides, connectors follow.

(1) *announce*: partners are told that an epoch comes, so that the trustees' new keys reach them before it is
    used;
(2) *open*: the hub takes its tokens beside those of the epochs that are open. Connectors that have its keys
    go over by themselves and tokenise all their rows again; each row becomes a revision of its record;
(3) *close*: the hub takes the old epoch's tokens no longer. Refused while agencies hold active records in it,
    unless the operator says so; those are stored on, match nothing new, and are tokenised again by whoever
    comes back.

While two epochs are open, records of different epochs cannot be compared: a match between them is found when
the later of the two goes over, and a link between them is neither closed nor judged anew before
(`match.links`). A closed epoch is never opened again, since its keys may be known.

The table is the truth; each tick reads it again. Each change is written with its audit event.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from passerelle.clock import Clock
from passerelle.errors import PasserelleError
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.domains import Domains
from passerelle_hub.store import Transaction, epochs, turns


class EpochState(StrEnum):
    """What the operator decided of an epoch."""

    ANNOUNCED = "announced"
    OPEN = "open"
    CLOSED = "closed"


_EVENTS: Final = {
    EpochState.ANNOUNCED: EventKind.EPOCH_ANNOUNCED,
    EpochState.OPEN: EventKind.EPOCH_OPENED,
    EpochState.CLOSED: EventKind.EPOCH_CLOSED,
}


@dataclass(frozen=True, slots=True)
class EpochLine:
    """An epoch as it stands: its state, and how many active records each agency holds in it."""

    domain: str
    epoch: int
    state: EpochState
    held: dict[str, int]


class TokenEpochs:
    """Decides and reads. Blocking; changes on a write thread."""

    def __init__(self, domains: Domains, audit: Audit, clock: Clock) -> None:
        self._domains = domains
        self._audit = audit
        self._clock = clock

    def refresh(self, tx: Transaction) -> None:
        """Read the table again."""
        by_state: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for row in epochs.every(tx):
            by_state[row.state][row.domain].append(row.epoch)

        def of(state: EpochState) -> dict[str, tuple[int, ...]]:
            return {name: tuple(sorted(found)) for name, found in by_state[state].items()}

        self._domains.decide(of(EpochState.OPEN), of(EpochState.CLOSED), of(EpochState.ANNOUNCED))

    def announce(self, tx: Transaction, domain: str, epoch: int, actor: str) -> None:
        """Step 1.

        Raises:
            PasserelleError: `epoch_refused`, an unknown domain, or an epoch that is not later than all known.
        """
        turns.take(tx)
        known = [line.epoch for line in self.lines(tx) if line.domain == domain]
        if domain not in self._domains.epochs or epoch <= max(known, default=0):
            raise PasserelleError("epoch_refused", f"{domain} {epoch}: of this domain are known {known}")
        self._decide(tx, domain, epoch, EpochState.ANNOUNCED, actor)

    def open(self, tx: Transaction, domain: str, epoch: int, actor: str) -> None:
        """Step 2.

        Raises:
            PasserelleError: `epoch_refused`, it was not announced.
        """
        self._require(tx, domain, epoch, EpochState.ANNOUNCED)
        self._decide(tx, domain, epoch, EpochState.OPEN, actor)

    def close(self, tx: Transaction, domain: str, epoch: int, actor: str, *, leaving: bool = False) -> None:
        """Step 3; `leaving`: although agencies hold records in it.

        Raises:
            PasserelleError: `epoch_refused`: it is not open, it is the newest that is, or records are in it.
        """
        line = self._require(tx, domain, epoch, EpochState.OPEN)
        if epoch >= max(self._domains.epochs[domain]):
            raise PasserelleError("epoch_refused", f"{domain} {epoch} is the newest that is open")
        if line.held and not leaving:
            raise PasserelleError("epoch_refused", f"records of {', '.join(sorted(line.held))} are in it")
        self._decide(tx, domain, epoch, EpochState.CLOSED, actor)

    def lines(self, tx: Transaction) -> tuple[EpochLine, ...]:
        """Every epoch of every domain, in order."""
        decided = {(row.domain, row.epoch): EpochState(row.state) for row in epochs.every(tx)}
        configured = {(name, epoch) for name, stated in self._domains.epochs.items() for epoch in stated}
        held = epochs.held(tx)
        return tuple(
            EpochLine(name, epoch, decided.get((name, epoch), EpochState.OPEN), held.get((name, epoch), {}))
            for name, epoch in sorted({*configured, *decided})
        )

    def _require(self, tx: Transaction, domain: str, epoch: int, state: EpochState) -> EpochLine:
        turns.take(tx)
        self.refresh(tx)
        for line in self.lines(tx):
            if (line.domain, line.epoch, line.state) == (domain, epoch, state):
                return line
        raise PasserelleError("epoch_refused", f"{domain} {epoch} is not {state}")

    def _decide(self, tx: Transaction, domain: str, epoch: int, state: EpochState, actor: str) -> None:
        self._audit.append(tx, _EVENTS[state], actor, domain=domain, epoch=epoch)
        epochs.put(tx, domain, epoch, state.value, self._clock.now(), actor)
        self.refresh(tx)
