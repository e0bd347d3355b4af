"""What the benchmarks of ingest submit: batches of encoded frames, some of them about known people."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.figures import SEED
from bench.markings import distinct_markings
from hub_kit import FakeAgency

from passerelle.codec.frames import frames
from passerelle.record import SealedRecord

POLICY_TUPLES = 500
MATCHING = 0.05
SECTION_BYTES = 1_024
KINDS = (
    *("surname+given+birth", "given+birth", "surname~+birth", "surname3+birth"),
    *("national number", "number+surname3", "number+birth", "phone"),
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """One batch as it arrives: encoded frames and the agency's place among the others."""

    frames: tuple[bytes, ...]
    agency: int


class Workload:
    """Makes batches of the agencies in turns, when they are asked for.

    Each record has 8 tokens and one section; 5 % are about somebody in an earlier batch of another agency;
    the markings give 500 distinct policy tuples an agency.
    """

    def __init__(self, agencies: Mapping[str, FakeAgency], batch: int) -> None:
        self._agencies = tuple(agencies.values())
        self._batch = batch
        self._rng = random.Random(SEED)
        self._markings = list(itertools.islice(distinct_markings(), POLICY_TUPLES))
        self._people = itertools.count()
        self._known: list[list[int]] = [[] for _ in self._agencies]  # people that only this agency knows
        self._turn = itertools.cycle(range(len(self._agencies)))
        self.pairs = 0

    def batches(self, count: int) -> Iterator[Prepared]:
        """The next batches."""
        for turn in itertools.islice(self._turn, count):
            yield self._next(turn)

    def _next(self, turn: int) -> Prepared:
        agency, rng = self._agencies[turn], self._rng
        others = [known for place, known in enumerate(self._known) if place != turn and known]
        records: list[SealedRecord] = []
        fresh: list[int] = []
        for at in range(self._batch):
            known = rng.choice(others) if others and rng.random() < MATCHING else []
            if known:
                person = known.pop(rng.randrange(len(known)))
                self.pairs += 1
            else:
                person = next(self._people)
                fresh.append(person)
            words = dict.fromkeys(KINDS, f"person {person}")
            section = {"identity": rng.randbytes(SECTION_BYTES)}
            marking = self._markings[at % len(self._markings)]
            records.append(agency.record(words, marking=marking, sections=section))
        self._known[turn] += fresh
        return Prepared(_encoded(agency, records), turn)


def _encoded(agency: FakeAgency, records: Sequence[SealedRecord]) -> tuple[bytes, ...]:
    batch = agency.batch(*records)
    agency.took(batch)
    return tuple(frame.SerializeToString() for frame in frames(batch))
