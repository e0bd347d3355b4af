"""What agencies can see of a hub, trial after trial, half of them with a match that they may not know of.

Each trial: `intelligence` submits a hidden record (or some, where a test needs more to show), `police` and
`prisons` one each of a person they share. In half of the trials, chosen at random, the hidden record is of
that person too; in the others it is of somebody else. Nothing else differs. What the three agencies can
measure is written down per trial and per agency.

Counters kept by agency are looked at too, although the hub shows them to its operator alone: whoever copies
them into a monitoring system must not thereby tell an agency's staff of a record they may not know of.

The length of a tick's work is taken as processor time: that is what a patient observer of an idle hub would
see, and what else runs on this machine does not drown it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hub_kit import FakeAgency, HubKit, hub_kit
from parties import MARKING
from permutation import p_value

from passerelle.clock import SECOND, ManualClock
from passerelle.codec.signed import encode_signed
from passerelle.holdings import Comparison, summarise
from passerelle.marking import Marking
from passerelle.notification import Notification
from passerelle.record import SealedRecord
from passerelle_hub import figures
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.engine import Engine
from passerelle_hub.slots import push_moment
from passerelle_hub.store import Transaction, log_store, quotas

HIDES = "intelligence"
SHARE = ("police", "prisons")
KINDS = ("surname+given+birth", "given+birth", "surname~+birth", "national number")
Counters = Callable[[Transaction], dict[str, int]]
"""Further counters, each named `<agency>: <what>`."""
SEED = 3
FALSE_ALARM = 0.001
"""The chance that an honest hub fails one sitting, shared out over what varies at all."""
SITTINGS = 3
"""What tells must tell in each: an honest hub fails a test once in a billion times."""
Ring = Callable[[float], float]
"""From the length of a tick's work to the moment of the push, both in seconds from the tick's beginning."""


class RunningClock(ManualClock):
    """A clock that tests move and that also runs, with the processor time of the thread."""

    def __init__(self) -> None:
        super().__init__()
        self._began = time.thread_time_ns()

    def now(self) -> int:
        return super().now() + (time.thread_time_ns() - self._began) // 1_000


def at_slot_end(work: float) -> float:
    """As the hub rings."""
    return push_moment(0.0, work, 1.0)


@dataclass
class Observations:
    """One row per trial: whether the hidden match was there, and what was seen by name."""

    labels: list[bool] = field(default_factory=list[bool])
    rows: list[dict[str, Hashable]] = field(default_factory=list[dict[str, Hashable]])

    def column(self, name: str) -> list[Hashable]:
        """One observation over all trials."""
        return [row[name] for row in self.rows]


@dataclass
class Observatory:
    """A hub under observation."""

    hub: HubKit
    marking: Marking
    ring: Ring
    leaves: int = 0
    read: dict[str, int] = field(default_factory=dict[str, int])
    counted: dict[str, int] = field(default_factory=dict[str, int])
    further: Counters = lambda _: {}
    hidden_records: int = 1

    def trial(self, number: int, *, hidden_match: bool) -> dict[str, Hashable]:
        """One trial."""
        seen: dict[str, Hashable] = {}
        person = self._words(f"person {number}")
        other = person if hidden_match else self._words(f"somebody else {number}")
        commitments: dict[str, bytes] = {}
        for name in (HIDES, *SHARE):
            agency = self.hub.agency(name)
            hides = name == HIDES
            words, marking = (other, self.marking) if hides else (person, MARKING)
            records = [
                agency.record(words, marking=marking) for _ in range(self.hidden_records if hides else 1)
            ]
            commitments[name] = self._submit(seen, agency, records)
        self.hub.clock.advance(SECOND)
        due = self.hub.clock.now()
        began = time.thread_time()
        self.hub.core.pulse.beat()
        moment = self.ring(time.thread_time() - began)
        for name, commitment in commitments.items():
            self._look(seen, self.hub.agency(name), commitment, moment, due)
        self._count(seen, set(commitments))
        return seen

    def _words(self, person: str) -> dict[str, str]:
        return {kind: f"{kind} of {person}" for kind in KINDS}

    def _submit(
        self, seen: dict[str, Hashable], agency: FakeAgency, records: Sequence[SealedRecord]
    ) -> bytes:
        batch = agency.batch(*records)
        began = time.perf_counter()
        signed = self.hub.core.intake.receive(batch, agency.identity)
        seen[f"{agency.name}: seconds to the receipt"] = time.perf_counter() - began
        receipt = self.hub.receipt(signed)
        agency.took(batch)
        seen[f"{agency.name}: receipt"] = (
            receipt.code,
            receipt.consumed,
            receipt.refusals,
            receipt.merge_delay,
        )
        seen[f"{agency.name}: size of the receipt"] = len(encode_signed(signed))
        return receipt.audit_event

    def _look(
        self, seen: dict[str, Hashable], agency: FakeAgency, commitment: bytes, moment: float, due: int
    ) -> None:
        """After the push: the stream, the log."""
        name, cursor = agency.name, self.read.get(agency.name, 0)
        stored = self.hub.core.outgoing.after(agency.identity, cursor)
        notes = self.hub.inbox(agency, cursor)
        self.read[name] = max([cursor, *(one.sequence for one in stored)])
        seen[f"{name}: moment of the push"] = moment if notes else 0.0
        seen[f"{name}: numbers used"] = self.read[name] - cursor
        seen[f"{name}: sizes of notifications"] = tuple(len(one.sealed) for one in stored)
        seen[f"{name}: what it is told"] = tuple(told(note) for note in notes)
        seen[f"{name}: microseconds to the date"] = sum(note.created - due for note in notes)
        with self.hub.core.database.write() as tx:
            places = log_store.places(tx, [commitment])
            (event,) = self.hub.core.transparency.prove(tx, places, log_store.size(tx))
            note = self.hub.core.transparency.checkpoint(tx)
        proof = event.proof
        seen[f"{name}: place of its event"] = proof.event_index
        seen[f"{name}: lengths of its proof"] = (len(proof.event_path), len(proof.tick_path))
        seen[f"{name}: size of the checkpoint"] = len(note.to_bytes())
        if name == SHARE[-1]:
            seen["growth of the log"] = proof.tree_size - self.leaves
            self.leaves = proof.tree_size

    def _count(self, seen: dict[str, Hashable], names: set[str]) -> None:
        """What every counter that names one of the agencies grew by, and how long its reconciliation is."""
        now, core = self.hub.clock.now(), self.hub.core
        with core.database.read() as tx:
            rows = figures.read_agencies(tx, self.hub.registry_key.public, now)
            charged = quotas.sums(tx, 0)
            further = self.further(tx)
        counters = {
            f"{row['agency']}: {name}": value
            for row in rows
            for name, value in row.items()
            if row["agency"] in names and isinstance(value, int)
        }
        counters |= further | {
            f"{agency}: {resource} charged": units for (agency, resource), units in charged.items()
        }
        for name, value in counters.items():
            seen[f"{name}, counted"] = value - self.counted.get(name, 0)
        self.counted = counters
        for name in names:
            held = core.holdings.answer(
                self.hub.agency(name).identity, Comparison(bytes(16), 1, summarise([]))
            )
            seen[f"{name}: size of its reconciliation"] = len(held.signed.payload)


def told(note: Notification) -> Hashable:
    """A notification without what is random or the recipient's own."""
    return (
        *(
            note.visibility,
            note.relation,
            note.band,
            note.state,
            note.agreements,
            note.odds,
            note.counterpart,
        ),
        *(note.handling, note.urgency, note.actions, note.obligations, note.contact, note.policy_revision),
        *(len(note.own_records), note.deadline - note.created, note.kind, note.agencies),
    )


@contextmanager
def observatory(
    folder: Path, engine: Engine, bundle: Bundle, marking: Marking, ring: Ring = at_slot_end
) -> Iterator[Observatory]:
    """A hub with the director's desk, and three agencies that look."""
    with hub_kit(folder, engine, bundle, clock=RunningClock()) as hub:
        hub.agency("coordination")
        for name in (HIDES, *SHARE):
            hub.agency(name)
        yield Observatory(hub, marking, ring)


def observe(place: Observatory, trials: int, seed: int, first: int = 0) -> Observations:
    """Many trials at one hub, numbered from `first`."""
    return dealt(trials, seed, lambda at, hidden: place.trial(first + at, hidden_match=hidden))


def dealt(trials: int, seed: int, trial: Callable[[int, bool], dict[str, Hashable]]) -> Observations:
    """Many trials, half of them with what is hidden, in random order, after one that is not kept."""
    trial(0, True)
    labels = [True] * (trials // 2) + [False] * (trials - trials // 2)
    random.Random(seed).shuffle(labels)
    return Observations(labels, [trial(at, label) for at, label in enumerate(labels, 1)])


def told_each_time(sit: Callable[[int], Observations], ignored: str = "") -> set[str]:
    """What tells in every one of the sittings, each with a seed of its own; one is mostly enough."""
    found = set(telling(sit(SEED), ignored))
    for further in range(1, SITTINGS):
        if found:
            found &= telling(sit(SEED + further), ignored).keys()
    return found


def telling(seen: Observations, ignored: str = "") -> dict[str, float]:
    """What tells the two worlds apart, with its p-value."""
    names = [name for name in seen.rows[0] if not (ignored and name.startswith(ignored))]
    varying = [name for name in names if len(set(seen.column(name))) > 1]
    limit = FALSE_ALARM / max(len(varying), 1)
    rounds, chance = int(4 / limit), random.Random(SEED)
    found = {name: p_value(seen.column(name), seen.labels, rounds, chance) for name in varying}
    return {name: value for name, value in found.items() if value < limit}
