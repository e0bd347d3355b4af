"""What a benchmark run writes down: goals judged by their direction, figures without a goal left unjudged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench.figures import Figure, at_least, at_most, percentile
from bench.goals import GOALS
from bench.page import goal_lines, own_runs, page, shown, write_json

FIGURES = (
    at_least("rate", 1_500, "tokens/s", 1_500),
    at_least("low rate", 1_499, "tokens/s", 1_500),
    at_most("ratio", 2.5, "ratio", 2),
    Figure("later", None, "%", ">= 60"),
    Figure("plain", 0.123456, "ms"),
)


def test_a_goal_is_met_in_its_own_direction() -> None:
    assert [one.met for one in FIGURES] == [True, False, False, None, None]


def test_the_page_has_a_line_for_each_figure() -> None:
    lines = page(FIGURES, {"system": "made up"}).splitlines()
    assert "- system: made up" in lines
    assert "| rate | 1,500 | tokens/s | >= 1500 | yes |" in lines
    assert "| ratio | 2.5 | ratio | <= 2 | **no** |" in lines
    assert "| later | not measured yet | % | >= 60 |  |" in lines


def test_programs_get_a_list_of_plain_objects(tmp_path: Path) -> None:
    write_json(tmp_path / "build" / "bench.json", FIGURES)
    found = json.loads((tmp_path / "build" / "bench.json").read_text("utf-8"))
    assert found[0] == {
        "name": "rate",
        "value": 1500,
        "unit": "tokens/s",
        "goal": ">= 1500",
        "met": True,
    }
    assert found[3] | {"name": ""} == {
        "name": "",
        "value": None,
        "unit": "%",
        "goal": ">= 60",
        "met": None,
    }
    assert found[4]["goal"] is None


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_percentiles_are_nearest_ranks(share: float, value: int) -> None:
    assert percentile([float(at) for at in range(100, 0, -1)], share) == value


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_large_figures_are_whole_and_small_ones_keep_three_digits() -> None:
    assert [shown(one) for one in (12_345.6, 99.95, 0.0012345)] == ["12,346", "100", "0.00123"]


def test_every_goal_has_a_line_and_the_figure_furthest_from_it() -> None:
    figures = (
        at_most("memory, hub at 10 records", 100, "MB", 400),
        at_most("memory, connector at 10 records", 410, "MB", 400),
        at_least("policy, embedded, batches of 1,000", 3_500, "decisions/s", 3_000),
        Figure("policy, OPA, batches", None, "decisions/s", ">= 10000"),
    )
    lines = goal_lines(figures)
    assert len(lines) == 2 + len(GOALS)
    for line, goal in zip(lines[2:], GOALS, strict=True):
        assert line.endswith(f" | {goal.how} |")
        assert goal.how
    text = "\n".join(lines)
    assert "| memory of hub and connector (`make bench-memory`) | <= 400 MB each | 410 MB | **no** |" in text
    assert "| policy, embedded, uncached | >= 3,000 decisions/s | 3,500 decisions/s | yes |" in text
    assert "| policy, OPA | >= 10,000 decisions/s | not measured yet |  |" in text


def test_figures_of_runs_of_their_own_fill_what_this_run_has_not(tmp_path: Path) -> None:
    write_json(
        tmp_path / "build" / "bench-memory.json", [at_most("memory, hub at 9", 300, "MB", 400), FIGURES[0]]
    )
    write_json(tmp_path / "build" / "bench.json", FIGURES)
    (tmp_path / "build" / "bench-linkage.json").write_text('[{"set": "FEBRL1", "f1": 1.0}]', "utf-8")
    others = own_runs(tmp_path, ("growth", "memory"))
    assert [one.name for one in others] == ["memory, hub at 9", "rate"]
    text = page((at_least("rate", 9, "tokens/s", 1_500),), {}, others)
    assert "| memory, hub at 9 | 300 | MB | <= 400 | yes |" in text
    assert text.count("| rate |") == 1
