"""Judgements: what a caller can measure does not tell whether a link that it may not know of is there.

As `test_hidden_queries`: many trials, half of them, dealt at random, where the id that the caller judges by
is that of a link between its own record and one that it may not know of (say, told by somebody who may, or
from the days before the other record came under embargo); in the others there is no such link. The same tests
find a hub that refuses as soon as its work is done.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path

import pytest
from hub_kit import HubKit, hub_kit
from judgement_kit import judgement, signed_judgement
from observer import HIDES, KINDS, SEED, Observations, RunningClock, dealt, telling, told_each_time
from parties import MARKING

from passerelle.clock import SECOND
from passerelle.errors import PasserelleError
from passerelle.judgement import Verdict
from passerelle.marking import Marking, Tlp
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.slots import push_moment
from passerelle_hub.store import links, log_store, quotas

pytestmark = pytest.mark.trial

TRIALS = int(os.environ.get("PASSERELLE_EMBARGO_TRIALS", "40"))
TELLING = max(TRIALS, 120)
EMBARGOED = replace(MARKING, embargo_basis="art-12")
UNRELEASED = replace(MARKING, tlp=Tlp.RED)


def words(person: str) -> dict[str, str]:
    return {kind: f"{kind} of {person}" for kind in KINDS}


def trial(hub: HubKit, number: int, marking: Marking, *, hidden: bool) -> dict[str, Hashable]:
    """One judgement by an id; everything that the caller can measure."""
    holder, caller = hub.agency(HIDES), hub.agency("police")
    person = f"person {number}"
    theirs = words(person if hidden else f"somebody else {number}")
    hub.submit(holder, holder.record(theirs, marking=marking))
    hub.submit(caller, caller.record(words(person)))
    hub.clock.advance(40 * SECOND)
    hub.core.pulse.beat()
    signed = signed_judgement(caller, judgement(caller, leaked(hub, number, hidden=hidden), Verdict.REFUTED))
    before, told = size(hub), len(hub.inbox(caller))
    began = time.thread_time()
    code = "none"
    try:
        hub.core.judgements.judge(signed, caller.identity)
    except PasserelleError as refusal:
        code = refusal.code
    work = time.thread_time() - began
    hub.core.pulse.beat()
    return {
        "what it gets": code,
        "seconds of work": work,
        "moment of the refusal": push_moment(0.0, work, 2.0),
        "growth of the log": size(hub) - before,
        "what it is told later": len(hub.inbox(caller)) - told,
        "judgements used": used(hub, caller.name) == number + 1,
    }


def leaked(hub: HubKit, number: int, *, hidden: bool) -> bytes:
    """The id of the newest link, where it is the hidden one; else one that no link has."""
    if not hidden:
        return random.Random(number).randbytes(16)
    with hub.core.database.read() as tx:
        newest = sum(links.counts(tx).values())
        return links.by_key(tx, [newest])[0].link_id


def size(hub: HubKit) -> int:
    with hub.core.database.read() as tx:
        return log_store.size(tx)


def used(hub: HubKit, agency: str) -> int:
    with hub.core.database.read() as tx:
        return quotas.sums(tx, 0).get((agency, "judgements"), 0)


def observed(
    folder: Path, engine: EmbeddedEngine, bundle: Bundle, marking: Marking, trials: int, seed: int = SEED
) -> Observations:
    with hub_kit(folder, engine, bundle, clock=RunningClock()) as hub:
        for name in ("coordination", HIDES, "police"):
            hub.agency(name)
        return dealt(trials, seed, lambda at, hidden: trial(hub, at, marking, hidden=hidden))


@pytest.mark.parametrize("marking", [EMBARGOED, UNRELEASED], ids=["embargoed", "unreleased"])
def test_nothing_that_who_judges_measures_tells_of_a_hidden_link(
    marking: Marking, tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle
) -> None:
    def sitting(seed: int) -> Observations:
        (folder := tmp_path / str(seed)).mkdir()
        seen = observed(folder, engine, bundle, marking, TRIALS, seed)
        assert set(seen.column("what it gets")) == {"link_unknown"}
        return seen

    assert told_each_time(sitting, "seconds of work") == set()


def test_a_refusal_at_the_end_of_the_work_tells(
    tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle
) -> None:
    seen = observed(tmp_path, engine, bundle, UNRELEASED, TELLING)
    assert "seconds of work" in telling(seen)


def test_a_link_that_may_be_known_is_seen(tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle) -> None:
    seen = observed(tmp_path, engine, bundle, MARKING, 20)
    assert telling(seen).keys() >= {"what it gets"}
