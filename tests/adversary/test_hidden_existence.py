"""Embargo and hidden existence: what an agency can measure does not tell whether a match is there.

Many trials at one hub, half of them, dealt at random, with a match that the observers may not know of: one
under embargo, hidden from everybody but the director's desk, or one that its originator releases to nobody
(TLP red), hidden from the other two. Each thing that can be observed is held against the labels by a
permutation test. The chance that an honest hub fails one is at most one in a thousand (`FALSE_ALARM`, shared
out over what varies at all), and what tells by that must tell in two further sittings; seeds are fixed. The
same tests find a hub that grows its log with every event,
one that pushes as soon as its work is done, one that dates what it tells when it writes it, and one that
counts by agency what the agency may not know of.

`PASSERELLE_EMBARGO_TRIALS` sets how many trials: 40 in CI, 400 by `make adversary`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from observer import HIDES, SEED, Observations, observatory, observe, telling, told_each_time
from parties import MARKING

from passerelle import merkle
from passerelle.marking import Marking, Tlp
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.pulse import Pulse
from passerelle_hub.slots import TickTime
from passerelle_hub.store import Transaction, links, log_store
from passerelle_hub.store.log_store import Tick
from passerelle_hub.transparency import Transparency

pytestmark = pytest.mark.trial

TRIALS = int(os.environ.get("PASSERELLE_EMBARGO_TRIALS", "40"))
TELLING = max(TRIALS, 80)
"""Trials where a difference in time must show."""
SOME = 20
"""Hidden records a trial where it must: their work stands out from whatever else the machine does."""
EMBARGOED = replace(MARKING, embargo_basis="art-12")
UNRELEASED = replace(MARKING, tlp=Tlp.RED)
TOLD_TO_ITS_ORIGINATOR = f"{HIDES}: "
"""The originator of a record that it releases to nobody may learn of the match itself."""


@pytest.mark.parametrize(
    ("marking", "ignored", "state"),
    [
        pytest.param(EMBARGOED, "", "director_only", id="embargoed"),
        pytest.param(UNRELEASED, TOLD_TO_ITS_ORIGINATOR, "notified", id="unreleased"),
    ],
)
def test_nothing_observable_tells_of_a_hidden_match(
    marking: Marking, ignored: str, state: str, tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle
) -> None:
    with observatory(tmp_path, engine, bundle, marking) as place:

        def sitting(seed: int) -> Observations:
            return observe(place, TRIALS, seed, first=(seed - SEED) * (TRIALS + 1))

        assert told_each_time(sitting, ignored) == set()
        with place.hub.core.database.read() as tx:
            hidden = links.counts(tx)[state]
    assert hidden >= 2 * (TRIALS // 2), "the hidden matches were never made"


class PlainTransparency(Transparency):
    """A log without padding: one leaf for every event."""

    def close_tick(self, tx: Transaction) -> Tick:
        while True:
            number, salt = log_store.size(tx), self._random(32)
            events = [mark for mark, _ in log_store.take_open(tx, number, 1)]
            tick = Tick(number, self._clock.now(), salt, merkle.tick_root(events, 16, salt))
            log_store.put_tick(tx, tick)
            merkle.append_leaf(log_store.Nodes(tx), number, tick.root)
            if not events:
                return tick


def test_a_log_without_padding_tells(tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle) -> None:
    with observatory(tmp_path, engine, bundle, EMBARGOED) as place:
        pulse = place.hub.core.pulse
        base = place.hub.core.foundation
        plain = PlainTransparency(str(base.identity), base.signing_key, base.clock, place.hub.core.audit)
        assert isinstance(pulse, Pulse)
        pulse._transparency = plain  # pyright: ignore[reportPrivateUsage] - the seam of this test
        seen = observe(place, TRIALS, SEED)
    assert "growth of the log" in telling(seen)


def test_a_push_at_the_end_of_the_work_tells(tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle) -> None:
    with observatory(tmp_path, engine, bundle, EMBARGOED, ring=lambda work: work) as place:
        place.hidden_records = SOME
        seen = observe(place, TELLING, SEED)
    assert "police: moment of the push" in telling(seen)


class FlowingTime(TickTime):
    """Time that goes on during a tick."""

    @contextmanager
    def tick(self) -> Iterator[None]:
        yield


def test_the_date_of_writing_tells(tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle) -> None:
    with observatory(tmp_path, engine, bundle, EMBARGOED) as place:
        pulse = place.hub.core.pulse
        pulse._time = FlowingTime(place.hub.clock)  # pyright: ignore[reportPrivateUsage] - the seam of this test
        place.hidden_records = SOME
        seen = observe(place, TELLING, SEED)
    assert telling(seen).keys() & {"police: microseconds to the date", "prisons: microseconds to the date"}


def links_by_agency(tx: Transaction) -> dict[str, int]:
    """What `passerelle hub links` shows the operator, as somebody might export it."""
    return {f"{row.second}: links with {row.first}": row.links for row in links.by_pair(tx)}


def test_a_counter_of_all_links_by_agency_tells(
    tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle
) -> None:
    with observatory(tmp_path, engine, bundle, EMBARGOED) as place:
        place.further = links_by_agency
        seen = observe(place, TRIALS, SEED)
    assert {name for name in telling(seen) if "links with intelligence" in name}
