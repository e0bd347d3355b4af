"""Stated odds held against judgements: the error is right, few say nothing, the monitor watches."""

from __future__ import annotations

import pytest

from passerelle.notification import Band, LinkState
from passerelle_hub.match.calibration import SMALL, Judged, calibrate, monitor
from passerelle_hub.match.weights import weights

AGREE = (("surname", "exact"), ("given", "exact"), ("birth", "exact"))
TYPED = (("surname", "exact"), ("given", "disagree"), ("birth", "exact"))


def judged(
    count: int,
    state: LinkState,
    band: Band = Band.STRONG,
    bits: float = 5.0,
    levels: tuple[tuple[str, str], ...] = AGREE,
) -> list[Judged]:
    return [Judged(state, band, bits, levels)] * count


def test_the_error_is_the_mean_distance_of_stated_and_confirmed() -> None:
    report = calibrate(
        [
            *judged(30, LinkState.CONFIRMED),
            *judged(10, LinkState.REFUTED),
            *judged(40, LinkState.CONFIRMED, Band.VERY_STRONG, 20.0),
        ],
        weights(),
    )
    strong = next(one for one in report.bands if one.band is Band.STRONG)
    assert (strong.judged, strong.confirmed) == (40, 0.75)
    assert strong.stated == pytest.approx(32 / 33, abs=1e-4)
    assert report.error == pytest.approx((32 / 33 - 0.75) / 2, abs=1e-3)


def test_a_small_cell_is_not_shown() -> None:
    report = calibrate(judged(SMALL - 1, LinkState.REFUTED), weights())
    assert (report.judged, report.error) == (None, None)
    assert all(one.stated is None for one in report.bands)
    assert report.levels == ()
    assert next(one for one in report.bands if one.band is Band.POSSIBLE).judged == 0


def test_links_that_nobody_judged_are_no_labels_but_teach_the_monitor() -> None:
    links = judged(90, LinkState.NOTIFIED, levels=AGREE) + judged(30, LinkState.NOTIFIED, levels=TYPED)
    report = calibrate(links, weights())
    assert (report.judged, report.error) == (0, None)
    given = {one.level: one for one in report.levels if one.field == "given"}
    shipped = weights().chances["given"]["exact"][0]
    assert given["exact"].confirmed is None
    assert (given["exact"].monitor or 0.0) > shipped
    assert given["exact"].shipped == shipped
    assert (given["exact"].drift or 0.0) > 0.1
    assert (given["disagree"].drift or 0.0) > 0.5


def test_confirmed_links_say_how_often_a_level_is_proven() -> None:
    links = judged(30, LinkState.CONFIRMED) + judged(10, LinkState.CONFIRMED, levels=TYPED)
    report = calibrate([*links, *judged(10, LinkState.REFUTED, levels=TYPED)], weights())
    given = {one.level: one.confirmed for one in report.levels if one.field == "given"}
    assert given == {"exact": 0.75, "disagree": 0.25}


def test_the_monitor_learns_nothing_from_few_links() -> None:
    assert monitor(judged(SMALL, LinkState.NOTIFIED), weights()) == {}
