"""Any history of losses, repetitions, reorderings, delays and restarts: both sides come to the same.

Once the network, policy and the registry are well again, the hub's records are those that receipts say it
took, each link stands once, and every change of a link was told once to each side.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from delivery_kit import DENIED, SIDES, Side, World, world
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from reconcile_kit import agency_side, join, reconcile_notifications

from passerelle.registry_entry import Status
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.engine import Engine

pytestmark = pytest.mark.trial

WORDS = ("one", "two", "three")
FATES = ("", "", "lost", "late", "unanswered", "twice")
TEMPORARY = {"", "peer_unavailable", "policy_unavailable", "batch_not_consumed"}
MakeWorld = Callable[[ExitStack], World]


@pytest.fixture
def make_world(tmp_path_factory: pytest.TempPathFactory, engine: Engine, bundle: Bundle) -> MakeWorld:
    def make(stack: ExitStack) -> World:
        folder = tmp_path_factory.mktemp("world")
        stack.callback(shutil.rmtree, folder)
        return stack.enter_context(world(folder, engine, bundle))

    return make


class ExchangeMachine(RuleBasedStateMachine):
    """Two connectors and a hub, in any order of steps."""

    make_world: MakeWorld
    side = st.sampled_from(SIDES)

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.world = self.make_world(self.stack)

    @rule(side=side, number=st.integers(1, 3), word=st.sampled_from((*WORDS, DENIED, "")))
    def write(self, side: str, number: int, word: str) -> None:
        self.world.sides[side].put(number, word)

    @rule(side=side, flush=st.booleans())
    def close(self, side: str, flush: bool) -> None:
        self.world.sides[side].outbox.close(flush=flush)

    @rule(side=side, fates=st.lists(st.sampled_from(FATES), max_size=3))
    def deliver(self, side: str, fates: list[str]) -> None:
        one = self.world.sides[side]
        one.outbox.close(flush=True)
        one.network.fates = fates
        assert one.deliver() in TEMPORARY

    @rule(side=side)
    def deliver_late(self, side: str) -> None:
        self.world.sides[side].network.deliver_late()

    @rule(side=side, reading=st.sampled_from(("", "cut", "deaf", "repeated", "reordered")))
    def read(self, side: str, reading: str) -> None:
        self.world.sides[side].network.reading = reading
        assert self.world.sides[side].read() in {"hub_unreachable", "notification_gap"}

    @rule()
    def tick(self) -> None:
        self.world.kit.beat()

    @rule()
    def restart_hub(self) -> None:
        self.world.restart_hub()

    @rule(side=side)
    def restart_connector(self, side: str) -> None:
        self.world.sides[side].restart()

    @rule(down=st.booleans())
    def policy(self, down: bool) -> None:
        self.world.outage.down = down

    @rule(side=side, status=st.sampled_from((Status.ACTIVE, Status.SUSPENDED)))
    def registry(self, side: str, status: Status) -> None:
        self.world.standing(side, status)

    @invariant()
    def what_was_receipted_is_at_the_hub(self) -> None:
        records = join({}, self.world.kit.core.database).hub.records
        for name, side in self.world.sides.items():
            for record, (revision, _) in side.accepted().items():
                assert records[name][record][0] >= revision

    def teardown(self) -> None:
        """All is well again: everything arrives, and both sides say the same."""
        try:
            self.world.outage.down = False
            for name in SIDES:
                self.world.standing(name, Status.ACTIVE)
            for side in self.world.sides.values():
                recover(side)
            self.world.kit.beat()
            for side in self.world.sides.values():
                assert side.read() == "hub_unreachable"
            converged(self.world)
        finally:
            self.stack.close()


def recover(side: Side) -> None:
    """On a good network: what was held up arrives, then everything is delivered."""
    side.network.fates, side.network.reading = [], ""
    side.network.deliver_late()
    for _ in range(3):  # an old refusal of a batch sent before may still be heard
        side.outbox.close(flush=True)
        if not (code := side.deliver()):
            return
        assert code in TEMPORARY
    raise AssertionError("delivery does not come to an end")


def converged(all_of_it: World) -> None:
    """Records, links and notifications as receipts and rows say."""
    sides = {name: agency_side(side.database) for name, side in all_of_it.sides.items()}
    now = join(sides, all_of_it.kit.core.database)
    words: dict[tuple[str, bytes], str] = {}
    for name, side in all_of_it.sides.items():
        assert sides[name].waiting == 0
        assert now.hub.acknowledged.get(name, 0) == now.hub.sent.get(name, 0)
        accepted = side.accepted()
        assert now.hub.records[name] == accepted
        if sides[name].promised:
            assert now.hub.chains[name] == sides[name].position
        denied = {f"row {number}" for number, row in side.rows.items() if row.word == DENIED}
        assert set(sides[name].rejects) == denied
        for number, row in side.rows.items():
            record = side.record_id(number)
            if row.word != DENIED:
                state = "active" if row.word else "withdrawn"
                assert accepted[record] == (row.revision, state)
            if row.word in WORDS:
                words[name, record] = row.word
    standing = [link for link in now.hub.links if link.state != "erased"]
    first, second = SIDES
    pairs = Counter(
        frozenset((one, other))
        for one, word in words.items()
        for other, same in words.items()
        if word == same and (one[0], other[0]) == (first, second)
    )
    clear = Counter(link.ends for link in standing if link.ends <= words.keys())
    assert clear == pairs
    assert {link.state for link in standing} <= {"notified"}
    reconcile_notifications(now)


def test_both_sides_converge_whatever_happens_between(make_world: MakeWorld) -> None:
    machine = type("Machine", (ExchangeMachine,), {"make_world": staticmethod(make_world)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


def test_a_batch_held_up_beyond_the_refusal_of_its_repetition_is_recognised(make_world: MakeWorld) -> None:
    with ExitStack() as stack:
        made = make_world(stack)
        side = made.sides["police"]
        side.put(1, "one")
        side.outbox.close(flush=True)
        side.network.fates = ["late"]
        assert side.deliver() == "peer_unavailable"
        made.standing("police", Status.SUSPENDED)
        assert side.deliver() == "batch_not_consumed"
        made.standing("police", Status.ACTIVE)
        side.network.deliver_late()
        assert side.deliver() == ""
        assert side.read() == "hub_unreachable"
        converged(made)


def test_a_refusal_heard_late_is_not_held_against_a_newer_revision(make_world: MakeWorld) -> None:
    with ExitStack() as stack:
        made = make_world(stack)
        side = made.sides["police"]
        side.put(1, DENIED)
        side.outbox.close(flush=True)
        side.network.fates = ["unanswered"]
        assert side.deliver() == "peer_unavailable"
        side.put(1, "one")
        side.outbox.close(flush=True)
        assert side.deliver() == ""
        assert side.read() == "hub_unreachable"
        converged(made)
