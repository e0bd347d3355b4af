"""Four agencies submit at once to two hubs on one PostgreSQL: every true pair is linked, once, and told once.

Each run (1) draws who knows whom, in which batches, and which hub each batch goes to; (2) lets all agencies
submit side by side while both hubs tick; (3) ticks until nothing waits; (4) compares links and notifications
with the truth. The hubs are two complete cores, each with its own connections, in one process, so that a run
takes a second; `test_kills_side_by_side` does the same with real processes. With faults, two tries in five of
matching meet one, so that batches stand aside (ADR 0115). `PASSERELLE_RACE_RUNS` says how many runs,
`PASSERELLE_RACE_SEED` which.
"""

from __future__ import annotations

import itertools
import os
import random
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hub_kit import FakeAgency, HubKit
from neighbour_kit import taken, two_hubs
from postgres_kit import Server

from passerelle.notification import Notification, NotificationKind
from passerelle.record import SealedRecord
from passerelle_hub.compose import Core
from passerelle_hub.match import pairs
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.store import Transaction, batches, links, notifications
from passerelle_hub.store.notifications import StoredNotification

RUNS = int(os.environ.get("PASSERELLE_RACE_RUNS", "20"))
SEED = int(os.environ.get("PASSERELLE_RACE_SEED", "20261125"))
AGENCIES = ("customs", "intelligence", "police", "prisons")
PERSONS = 12
BATCH = 3


@pytest.fixture
def hubs(
    tmp_path: Path, postgres: Server, engine: EmbeddedEngine, bundle: Bundle
) -> Iterator[tuple[HubKit, Core]]:
    """A hub and its neighbour on the same database."""
    with two_hubs(tmp_path, postgres, engine, bundle, AGENCIES) as both:
        yield both


@pytest.mark.parametrize("share", [0.0, 0.4], ids=["sound", "faults"])
@pytest.mark.parametrize("runs", [3, pytest.param(RUNS, marks=pytest.mark.adversary)])
def test_no_pair_is_missed_and_none_is_told_twice(
    hubs: tuple[HubKit, Core], runs: int, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit, neighbour = hubs
    rng = random.Random(SEED)
    monkeypatch.setattr(pairs, "find", failing(random.Random(SEED), share))
    expected: Counter[tuple[str, str]] = Counter()
    for run in range(runs):
        expected += race(kit, (kit.core, neighbour), rng, run)
        check(kit, expected, f"seed {SEED}, run {run}")


def test_a_link_that_another_hub_writes_during_the_look_up_stays(
    hubs: tuple[HubKit, Core], monkeypatch: pytest.MonkeyPatch
) -> None:
    kit, neighbour = hubs
    words = {"surname+given+birth": "one", "national number": "one"}
    whole, looked = pairs.find, list[int]()

    def find(tx: Transaction, keys: Sequence[int], aside: Collection[int] = ()) -> pairs.Found:
        found = whole(tx, keys, aside=aside)
        looked.append(len(found.pairs))
        if len(looked) == 1:  # one pair was found; a third record comes now, and is matched next door
            _taken(kit, neighbour, "police", words)
            neighbour.pulse.beat()
        return found

    _taken(kit, kit.core, "prisons", words)
    kit.core.pulse.beat()
    _taken(kit, kit.core, "customs", words)
    monkeypatch.setattr(pairs, "find", find)
    kit.core.pulse.beat()
    check(kit, Counter(itertools.combinations(("customs", "police", "prisons"), 2)), "a link was closed")
    assert looked == [1, 2, 2]  # the second is next door


def _taken(kit: HubKit, core: Core, name: str, words: dict[str, str]) -> None:
    taken(kit, core, kit.agency(name), kit.agency(name).record(words))


def failing(rng: random.Random, share: float) -> Callable[..., pairs.Found]:
    """Looks for pairs, and meets a fault of the hub's own in a share of all tries: batches stand aside."""
    whole = pairs.find

    def find(tx: Transaction, keys: Sequence[int], aside: Collection[int] = ()) -> pairs.Found:
        if rng.random() < share:
            raise RuntimeError("a fault of the hub")
        return whole(tx, keys, aside=aside)

    return find


def race(kit: HubKit, cores: tuple[Core, Core], rng: random.Random, run: int) -> Counter[tuple[str, str]]:
    """Steps 1 to 3; how many links each two agencies must get by it."""
    expected: Counter[tuple[str, str]] = Counter()
    known: dict[str, list[SealedRecord]] = {name: [] for name in AGENCIES}
    for person in range(PERSONS):
        who = sorted(rng.sample(AGENCIES, rng.choice((2, 2, 3, 4))))
        expected.update(itertools.combinations(who, 2))
        word = f"run {run} person {person}"
        words = {"surname+given+birth": word, "national number": word}
        for name in who:
            known[name].append(kit.agency(name).record(words))
    for rows in known.values():
        rng.shuffle(rows)
    plans = {
        name: [(rows[at : at + BATCH], rng.randrange(2)) for at in range(0, len(rows), BATCH)]
        for name, rows in known.items()
    }
    done = threading.Event()
    start = threading.Barrier(len(AGENCIES) + len(cores))
    with ThreadPoolExecutor(len(AGENCIES) + len(cores)) as pool:
        ticking = [pool.submit(_tick, core, start, done) for core in cores]
        sending = [
            pool.submit(_send, kit, kit.agency(name), plan, cores, start) for name, plan in plans.items()
        ]
        try:
            for one in sending:
                one.result()
        finally:
            done.set()
        for one in ticking:
            one.result()
    while _waiting(kit.core):
        for core in cores:
            core.pulse.beat()
    return expected


def _send(
    kit: HubKit,
    agency: FakeAgency,
    plan: list[tuple[list[SealedRecord], int]],
    cores: tuple[Core, Core],
    start: threading.Barrier,
) -> None:
    start.wait()
    for rows, which in plan:
        taken(kit, cores[which], agency, *rows)


def _tick(core: Core, start: threading.Barrier, done: threading.Event) -> None:
    start.wait()
    while not done.is_set():
        core.pulse.beat()


def _waiting(core: Core) -> int:
    with core.database.read() as tx:
        return len(batches.pending(tx, 1))


def check(kit: HubKit, expected: Counter[tuple[str, str]], note: str) -> None:
    """Step 4; `expected` counts the links of all runs so far, by their two agencies."""
    with kit.core.database.read() as tx:
        found = links.listing(tx)
        places = notifications.places(tx)
    pairs = Counter(tuple(sorted((row.low_agency, row.high_agency))) for row in found)
    assert pairs == expected, note
    assert len({frozenset((row.low_record, row.high_record)) for row in found}) == len(found), note
    for name in AGENCIES:
        inbox: list[StoredNotification] = []
        told: list[Notification] = []
        while page := kit.core.outgoing.after(kit.agency(name).identity, len(inbox)):
            told += kit.inbox(kit.agency(name), len(inbox))
            inbox += page
        assert [one.sequence for one in inbox] == list(range(1, places.get(name, (0, 0))[0] + 1)), note
        of_links = [one.link_id for one in told if one.kind is NotificationKind.LINK]
        assert len(of_links) == sum(count for pair, count in expected.items() if name in pair), note
        assert len(set(of_links)) == len(of_links), note
