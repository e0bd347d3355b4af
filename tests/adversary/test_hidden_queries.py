"""One-off queries: what the asker can measure does not tell whether a hidden record of the person is there.

As `test_hidden_existence`, for questions: many trials, half of them, dealt at random, where somebody holds a
record of the person that the asker may not know of. The same tests find a hub that answers as soon as its
work is done.
"""

from __future__ import annotations

import os
import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hub_kit import FakeAgency, HubKit, hub_kit
from observer import HIDES, KINDS, SEED, Observations, RunningClock, dealt, telling, told_each_time
from parties import MARKING
from query_kit import question, signed_question

from passerelle.clock import SECOND
from passerelle.codec.query import decode_answer
from passerelle.codec.signed import encode_signed
from passerelle.marking import Marking, Tlp
from passerelle.sign import Signed
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.slots import push_moment
from passerelle_hub.store import log_store, quotas

pytestmark = pytest.mark.trial

TRIALS = int(os.environ.get("PASSERELLE_EMBARGO_TRIALS", "40"))
TELLING, AGAIN = 80, 4
"""Trials where a difference in time must show, and the questions of each."""
EMBARGOED = replace(MARKING, embargo_basis="art-12")
UNRELEASED = replace(MARKING, tlp=Tlp.RED)


def words(person: str) -> dict[str, str]:
    return {kind: f"{kind} of {person}" for kind in KINDS}


def trial(hub: HubKit, number: int, marking: Marking, *, hidden: bool) -> dict[str, Hashable]:
    """One question; everything that the asker can measure, and what the holder gets."""
    holder, asker = hub.agency(HIDES), hub.agency("police")
    person = f"person {number}"
    hub.submit(holder, holder.record(words(person if hidden else f"somebody else {number}"), marking=marking))
    hub.clock.advance(40 * SECOND)
    hub.core.pulse.beat()
    asked = question(asker, words(person))
    signed = signed_question(asker, asked)
    began = time.thread_time()
    answer = hub.core.queries.answer(signed, asker.identity)
    work = time.thread_time() - began
    before = size(hub)
    hub.core.pulse.beat()
    return {
        "seconds of work": work,
        "moment of the answer": push_moment(0.0, work, 2.0),
        "size of the answer": len(encode_signed(answer)),
        "growth of the log": size(hub) - before,
        "notifications of the holder": len(hub.inbox(holder)),
        "questions used": used(hub, asker) == number + 1,
        **said(answer, asked.created),
    }


def longer(hub: HubKit, number: int, *, hidden: bool) -> dict[str, Hashable]:
    """How much longer questions for a person take than those for nobody; a busy machine slows both."""
    holder, asker = hub.agency(HIDES), hub.agency("police")
    person = f"person {number}"
    hub.submit(
        holder, holder.record(words(person if hidden else f"somebody else {number}"), marking=UNRELEASED)
    )
    hub.clock.advance(40 * SECOND)
    hub.core.pulse.beat()
    work = 0.0
    for turn in range(AGAIN):
        for whom, sign in ((person, 1), (f"nobody {number} {turn}", -1)):
            signed = signed_question(asker, question(asker, words(whom)))
            began = time.thread_time()
            hub.core.queries.answer(signed, asker.identity)
            work += sign * (time.thread_time() - began)
    return {"seconds of work": work}


def said(answer: Signed, created: int) -> dict[str, Hashable]:
    told = decode_answer(answer.payload)
    return {
        "what it says": (told.hits, told.more, told.policy_revision, told.weights),
        "whether it is dated at once": told.answered - created < SECOND,
    }


def size(hub: HubKit) -> int:
    with hub.core.database.read() as tx:
        return log_store.size(tx)


def used(hub: HubKit, agency: FakeAgency) -> int:
    with hub.core.database.read() as tx:
        return sum(
            units
            for (name, what), units in quotas.sums(tx, 0).items()
            if (name, what) == (agency.name, "queries")
        )


@contextmanager
def place(folder: Path, engine: EmbeddedEngine, bundle: Bundle) -> Iterator[HubKit]:
    folder.mkdir(exist_ok=True)
    with hub_kit(folder, engine, bundle, clock=RunningClock()) as hub:
        for name in ("coordination", HIDES, "police"):
            hub.agency(name)
        yield hub


@pytest.mark.parametrize("marking", [EMBARGOED, UNRELEASED], ids=["embargoed", "unreleased"])
def test_nothing_an_asker_measures_tells_of_a_hidden_record(
    marking: Marking, tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle
) -> None:
    def sitting(seed: int) -> Observations:
        with place(tmp_path / str(seed), engine, bundle) as hub:
            return dealt(TRIALS, seed, lambda at, hidden: trial(hub, at, marking, hidden=hidden))

    assert told_each_time(sitting, "seconds of work") == set()


def test_an_answer_at_the_end_of_the_work_tells(
    tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle
) -> None:
    with place(tmp_path, engine, bundle) as hub:
        seen = dealt(TELLING, SEED, lambda at, hidden: longer(hub, at, hidden=hidden))
    assert "seconds of work" in telling(seen)


def test_a_record_that_may_be_told_is_seen(tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle) -> None:
    with place(tmp_path, engine, bundle) as hub:
        seen = dealt(20, SEED, lambda at, hidden: trial(hub, at, MARKING, hidden=hidden))
    assert telling(seen).keys() >= {"what it says"}
    assert "size of the answer" not in telling(seen)
