"""Two hubs on one PostgreSQL score all links anew, time and again, with faults: none stays in older bands.

Each run makes other weights active three times while both hubs tick, batches arrive, and two tries in five of
matching meet a fault of the hub's own. By the last weights no pair has a link, so that one that was passed
over shows. `PASSERELLE_RACE_RUNS` says how many runs, `PASSERELLE_RACE_SEED` of which faults.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from hub_kit import HubKit, hub_kit
from policy_kit import Desk, desk
from postgres_kit import Server
from weights_kit import MILD, STRICT, pair, signed

from passerelle_hub.compose import Core, build_core
from passerelle_hub.match import pairs
from passerelle_hub.match.change import WeightChange
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.store import Database, Transaction, batches, links, weights

RUNS = int(os.environ.get("PASSERELLE_RACE_RUNS", "20"))
SEED = int(os.environ.get("PASSERELLE_RACE_SEED", "20261126"))
PAIRS = 10
BEATS = 6
ENOUGH = 2000
"""Beats in which, without faults, everything that was left behind is tried; `setbacks.LONGEST` is 256."""


class Faults:
    """Looks for pairs, and fails in a share of all tries."""

    def __init__(self, rng: random.Random) -> None:
        self.share = 0.0
        self.met = 0
        self._rng = rng
        self._whole = pairs.find

    def find(self, tx: Transaction, keys: Sequence[int], aside: Collection[int] = ()) -> pairs.Found:
        if self._rng.random() < self.share:
            self.met += 1
            raise RuntimeError("a fault of the hub")
        return self._whole(tx, keys, aside=aside)


@pytest.fixture
def hubs(
    tmp_path: Path, postgres: Server, engine: EmbeddedEngine, bundle: Bundle, policies: Path
) -> Iterator[tuple[HubKit, Core, Desk]]:
    """A hub, its neighbour on the same database, and who signs weights."""
    people = desk(policies, tmp_path)
    with (
        postgres.migrated() as url,
        hub_kit(tmp_path, engine, bundle, url, signers=people.signers) as kit,
        closing(Database(url)) as database,
    ):
        for name in ("intelligence", "police"):
            kit.agency(name)
        neighbour = build_core(kit.core.foundation, database)
        with database.read() as tx:
            neighbour.registry.refresh(tx)
        yield kit, neighbour, people
        neighbour.leader.close()


@pytest.mark.parametrize("runs", [1, pytest.param(RUNS, marks=pytest.mark.adversary)])
def test_no_link_stays_in_the_bands_of_older_weights(
    hubs: tuple[HubKit, Core, Desk], runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit, neighbour, people = hubs
    faults = Faults(random.Random(SEED))
    monkeypatch.setattr(pairs, "find", faults.find)
    for run in range(runs):
        arrive(kit, run * 2 * PAIRS)
        settle(kit, neighbour)
        faults.share = 0.4
        done = threading.Event()
        with ThreadPoolExecutor(2) as pool:
            ticking = [pool.submit(tick, core, done) for core in (kit.core, neighbour)]
            try:
                for number, change in enumerate((STRICT, MILD, STRICT)):
                    activate(kit, people, change)
                    if number == 1:
                        arrive(kit, run * 2 * PAIRS + PAIRS)
            finally:
                done.set()
            for one in ticking:
                one.result()
        faults.share = 0.0
        settle(kit, neighbour)
        with kit.core.database.read() as tx:
            found = links.by_key(tx, range(1, 2 * PAIRS * (run + 1) + 1))
        assert len(found) >= PAIRS
        assert {link.state for link in found} == {"erased"}, f"seed {SEED}, run {run}"
    assert faults.met


def arrive(kit: HubKit, first: int) -> None:
    for number in range(first, first + PAIRS):
        for name, words in zip(("police", "intelligence"), pair(number, f"who {number}"), strict=True):
            agency = kit.agency(name)
            assert kit.submit(agency, agency.record(words)).accepted


def activate(kit: HubKit, people: Desk, change: WeightChange) -> None:
    with kit.core.database.write() as tx:
        number = len(weights.listing(tx)) + 1
        file = signed(people, change, number, newly_notified=True)
        weights.add(tx, change.revision, file, number, "operator/test", number)


def tick(core: Core, done: threading.Event) -> None:
    """At least so many beats, and on until told."""
    beats = 0
    while beats < BEATS or not done.is_set():
        core.pulse.beat()
        beats += 1


def settle(kit: HubKit, neighbour: Core) -> None:
    """Beat until nothing waits and nothing is behind."""
    for _ in range(ENOUGH):
        with kit.core.database.read() as tx:
            if not (batches.pending(tx, 1) or weights.reached(tx) or weights.left_behind(tx)):
                return
        for core in (kit.core, neighbour):
            core.pulse.beat()
    raise AssertionError("something is behind for ever")
