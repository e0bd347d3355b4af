"""Other weights become active, and a batch cannot be scored by them: all others are, and it is not lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hub_kit import HubKit, Outage, hub_kit
from policy_kit import Desk, desk
from sqlalchemy import select, update
from structlog.testing import capture_logs
from structlog.typing import EventDict
from weights_kit import MILD, STRICT, pair, signed

from passerelle.checks import Check, State, checked
from passerelle.errors import PasserelleError
from passerelle_hub.batch_checks import NAMED, rescored_batches
from passerelle_hub.compose import build_core
from passerelle_hub.config import HubSettings
from passerelle_hub.match.change import WeightChange
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.policy.engine import Engine
from passerelle_hub.policy.model import PolicyInput
from passerelle_hub.rescoring import Rescoring
from passerelle_hub.store import Transaction, batches, links, recoveries, weights
from passerelle_hub.store.tables import record
from passerelle_hub.store.weights import LeftBatch, Reached

PAIRS = 6
SPOILT = 3
"""The first batch of the second pair; the fourth batch holds the other record of it."""


@dataclass
class Running:
    """A hub with some pairs, which other weights may tell apart."""

    kit: HubKit
    desk: Desk
    lines: list[EventDict]

    def activate(self, change: WeightChange) -> None:
        with self.kit.core.database.write() as tx:
            number = len(weights.listing(tx)) + 1
            file = signed(self.desk, change, number, newly_notified=True)
            weights.add(tx, change.revision, file, number, "operator/test", number)

    def states(self) -> list[str]:
        with self.kit.core.database.read() as tx:
            return [link.state for link in links.by_key(tx, range(1, PAIRS + 1))]

    def left(self) -> tuple[LeftBatch, ...]:
        with self.kit.core.database.read() as tx:
            return weights.left(tx, 99)

    def reached(self) -> Reached | None:
        with self.kit.core.database.read() as tx:
            return weights.reached(tx)

    def beat(self, times: int) -> None:
        for _ in range(times):
            self.kit.beat()

    def tries(self) -> dict[str, list[int]]:
        """Of each batch that was left behind, by agency."""
        found: dict[str, list[int]] = {}
        for line in self.lines:
            if line["event"] == "rescore.failed":
                found.setdefault(line["agency"], []).append(line["attempt"])
        return found


@dataclass
class Deaf:
    """An engine that has no answer about one agency's records, once it is told so."""

    engine: Engine
    agency: str = ""

    def evaluate(self, package: str, requests: Mapping[str, PolicyInput], /) -> Mapping[str, object]:
        if self.agency and package == "match" and self.agency in str(requests):
            raise PasserelleError("policy_evaluation_failed", "made to fail by a test")
        return self.engine.evaluate(package, requests)

    def close(self) -> None:
        self.engine.close()


@contextmanager
def holding(folder: Path, policies: Path, bundle: Bundle, url: str, engine: Engine) -> Iterator[Running]:
    """A hub that has matched `PAIRS` pairs, each of a record of police and one of intelligence."""
    people = desk(policies, folder)
    with hub_kit(folder, engine, bundle, url, signers=people.signers) as kit:
        for number in range(PAIRS):
            for name, words in zip(("police", "intelligence"), pair(number, f"who {number}"), strict=True):
                agency = kit.agency(name)
                kit.submit(agency, agency.record(words))
        kit.beat()
        with capture_logs() as lines:
            yield Running(kit, people, lines)


@pytest.fixture
def running(
    tmp_path: Path, policies: Path, bundle: Bundle, database_url: str, engine: EmbeddedEngine
) -> Iterator[Running]:
    with holding(tmp_path, policies, bundle, database_url, engine) as one:
        assert one.states() == ["notified"] * PAIRS
        yield one


def spoil(hub: HubKit, batch: int = SPOILT) -> bytes:
    """What the records of a batch say can no longer be read; returns what they said."""
    with hub.core.database.write() as tx:
        mine = record.c.batch_pk == batch
        said = tx.execute(select(record.c.marking).where(mine)).scalar_one()
        tx.execute(update(record).where(mine).values(marking=b"\xff"))
    return bytes(said)


def mend(hub: HubKit, said: bytes, batch: int = SPOILT) -> None:
    with hub.core.database.write() as tx:
        tx.execute(update(record).where(record.c.batch_pk == batch).values(marking=said))


def examined(hub: HubKit, url: str) -> Check:
    settings = HubSettings(identity="spiffe://hub.example/hub/exchange", domains={}, database=url)
    return checked("rescoring", lambda: rescored_batches(settings))


def test_all_others_are_scored_anew_and_it_is_once_the_cause_is_gone(running: Running) -> None:
    said = spoil(running.kit)
    running.activate(STRICT)
    running.beat(4)
    assert running.states() == ["erased", "notified", *["erased"] * (PAIRS - 2)]
    assert running.reached() is None
    assert {one.batch_pk for one in running.left()} == {SPOILT, SPOILT + 1}
    mend(running.kit, said)
    running.beat(4)
    assert running.states() == ["erased"] * PAIRS
    assert running.left() == ()


def test_it_is_tried_ever_less_often_and_alone(running: Running) -> None:
    spoil(running.kit)
    running.activate(STRICT)
    running.beat(40)
    found = running.tries()
    assert found["police"][:5] == [1, 2, 3, 4, 5]
    assert max(found["police"] + found["intelligence"]) <= 6  # at beats 1, 2, 4, 8, 16 and 32
    assert [one.tries for one in running.left()] == [max(some) for some in found.values()]


def test_log_and_doctor_say_which_why_and_where(running: Running, database_url: str) -> None:
    assert examined(running.kit, database_url).text == "links follow the active weights"
    spoil(running.kit)
    running.activate(STRICT)
    assert examined(running.kit, database_url).text == "goes on, and none failed"
    running.beat(1)
    first = next(line for line in running.lines if line["event"] == "rescore.failed")
    with running.kit.core.database.read() as tx:
        (spoilt,) = (one for one in batches.newest(tx, 99) if one.batch_pk == SPOILT)
    assert (first["code"], first["attempt"], first["log_level"]) == ("batch_not_rescored", 1, "error")
    assert (first["agency"], first["batch_id"]) == ("police", spoilt.batch_id.hex())
    found = examined(running.kit, database_url)
    assert found.state is State.FAIL
    assert f"{spoilt.batch_id.hex()} of police: {first['detail']}, 1 times" in found.text
    assert ".py:" in first["detail"] and "rescore.failed" in found.fix


def test_the_doctor_names_some_and_counts_the_rest(running: Running, database_url: str) -> None:
    with running.kit.core.database.write() as tx:
        for one in batches.newest(tx, NAMED + 2):
            weights.leave(tx, one.batch_pk, "internal", "score.py:7")
    assert examined(running.kit, database_url).text.endswith("; 2 more)")


def test_a_hub_that_is_started_again_knows_and_tries_at_once(running: Running) -> None:
    said = spoil(running.kit)
    running.activate(STRICT)
    running.beat(20)
    mend(running.kit, said)
    again = build_core(running.kit.core.foundation, running.kit.core.database)
    with running.kit.core.database.read() as tx:
        again.registry.refresh(tx)
    again.pulse.beat()
    assert running.states() == ["erased"] * PAIRS
    assert running.left() == ()
    again.leader.close()


def test_other_weights_are_tried_on_those_left_behind_as_on_all(running: Running) -> None:
    said = spoil(running.kit)
    running.activate(STRICT)
    running.beat(20)
    mend(running.kit, said)
    running.activate(MILD)
    running.beat(3)
    assert running.states() == ["notified"] * PAIRS
    assert running.left() == ()


def test_while_policy_has_no_answer_for_anybody_none_is_left_behind(
    tmp_path: Path, policies: Path, bundle: Bundle, database_url: str, engine: EmbeddedEngine
) -> None:
    outage = Outage(engine)
    with holding(tmp_path, policies, bundle, database_url, outage) as running:
        running.kit.clock.advance(60_000_000)  # what was answered before is asked again
        outage.down = True
        running.activate(MILD)  # by which policy is asked of each pair
        running.beat(3)
        assert running.left() == ()
        assert {line["code"] for line in running.lines if line["event"] == "rescore.failed"} == {
            "policy_unavailable"
        }
        outage.down = False
        running.kit.clock.advance(60_000_000)
        running.beat(3)
        assert running.reached() is None and running.left() == ()


def test_one_that_has_no_answer_of_policy_where_others_have_is_left_behind(
    tmp_path: Path, policies: Path, bundle: Bundle, database_url: str, engine: EmbeddedEngine
) -> None:
    deaf = Deaf(engine)
    with holding(tmp_path, policies, bundle, database_url, deaf) as running:
        kit = running.kit
        prisons = kit.agency("prisons")
        kit.submit(prisons, prisons.record(pair(PAIRS, "who 1")[0]))
        kit.beat()
        kit.clock.advance(60_000_000)
        deaf.agency = "prisons"
        running.activate(MILD)
        running.beat(3)
        assert {one.code for one in running.left()} == {"policy_unavailable"}
        assert {one.batch_pk for one in running.left()} == {3, 4, 2 * PAIRS + 1}
        assert running.reached() is None


def test_a_restored_hub_scores_nothing_anew_while_it_awaits_an_agency(running: Running) -> None:
    running.activate(STRICT)
    with running.kit.core.database.write() as tx:
        recoveries.wait_for(tx, ["police"], running.kit.clock.now())
    running.beat(2)
    assert running.states() == ["notified"] * PAIRS


@dataclass
class Counting:
    """Scores nothing; fails for some batches, and counts what it is asked."""

    failing: set[int]
    asked: list[Sequence[int]] = field(default_factory=list[Sequence[int]])

    def __call__(self, _: Transaction, keys: Sequence[int]) -> None:
        self.asked.append(keys)
        if self.failing.intersection(keys):
            raise RuntimeError("a fault of the hub")


def test_however_many_fail_a_tick_tries_few_and_each_gets_its_turn(running: Running) -> None:
    everybody = set(range(1, 2 * PAIRS + 1))
    rematch = Counting(set(everybody))
    rescoring = Rescoring(running.kit.core.database, rematch)
    running.activate(STRICT)
    for _ in range(3):
        rematch.asked.clear()
        rescoring.catch_up(answered=True)
        assert len(rematch.asked) <= 1 + 1 + 8  # one again, the next together, each of them alone
    assert {one.batch_pk for one in running.left()} == everybody
    for _ in range(60):
        rematch.asked.clear()
        assert rescoring.catch_up(answered=True) == 0
        assert len(rematch.asked) <= 1 and all(len(keys) == 1 for keys in rematch.asked)
    tries = [one.tries for one in running.left()]
    assert min(tries) >= max(tries) - 1
    rematch.failing.clear()
    done = [rescoring.catch_up(answered=True) for _ in range(64)]
    assert sum(done) == len(everybody) and max(done) <= 8
    assert running.left() == ()


def test_what_fails_only_together_is_scored_alone_and_nothing_is_left(running: Running) -> None:
    whole = running.kit.core.settlement.rematch

    def rematch(tx: Transaction, keys: Sequence[int]) -> None:
        if len(keys) > 1:
            raise RuntimeError("too many")
        whole(tx, keys)

    rescoring = Rescoring(running.kit.core.database, rematch)
    running.activate(STRICT)
    for _ in range(3):
        rescoring.catch_up(answered=True)
    assert running.states() == ["erased"] * PAIRS
    assert running.left() == () and running.tries() == {}
