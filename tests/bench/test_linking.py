"""The linkage benchmark: measures are right, sets are what they say, quality stays where it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.linking import belgian, closer, learn, ours, selection, sets
from bench.linking.errors import remaining
from bench.linking.measures import Quality, calibration, calibration_error, quality
from bench.linking.methods import EVEN, exact, passerelle
from bench.linking.report import write_json, write_page
from bench.linking.sets import LinkageSet

from passerelle.catalogue import catalogue
from passerelle_hub.match.weights import weights

TRUTH = frozenset({("a", "x"), ("b", "y")})


@pytest.fixture(scope="module")
def records() -> LinkageSet:
    return belgian.generate(1_200, 5)


def test_quality_at_a_threshold_and_at_the_best_one() -> None:
    scored = {("a", "x"): 0.9, ("a", "y"): 0.6, ("b", "y"): 0.4}
    found = quality(scored, TRUTH, 0.5)
    assert (found.precision, found.recall, found.f1) == (0.5, 0.5, 0.5)
    assert (found.best_f1, found.best_at) == (0.8, 0.4)
    assert quality({}, TRUTH, 0.5).f1 == 0.0


def test_pairs_of_equal_score_stand_or_fall_together() -> None:
    scored = {("a", "x"): 0.9, ("c", "z"): 0.9}
    assert quality(scored, TRUTH, 0.5).best_f1 == 0.5


def test_calibration_error_is_the_mean_distance_of_what_is_shown() -> None:
    bins = calibration([(0.2, True), (0.6, True), (0.8, False), (0.95, True), (1.0, True)])
    assert [one.pairs for one in bins] == [1, 2, 1, 1]
    assert calibration_error(bins) == pytest.approx((2 * 0.2 + 0.05) / 4)


@pytest.mark.trial
def test_a_seed_is_a_set_and_survives_its_file(records: LinkageSet, tmp_path: Path) -> None:
    assert belgian.generate(1_200, 5) == records
    assert belgian.generate(1_200, 6) != records
    sets.write(records, tmp_path / records.name)
    again = sets.read(tmp_path / records.name)
    assert (again.left, again.right, again.truth) == (
        tuple(records.left),
        tuple(records.right),
        records.truth,
    )


def test_a_set_within_one_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "ref,family_name,given_name,born\n2,Maes,An,1980-03-12\n1,Maes,An,19800312\n"
    )
    (tmp_path / "truth.csv").write_text("a,b\n2,1\n")
    chosen = sets.read(tmp_path)
    assert chosen.truth == {("1", "2")}
    linked = ours.link(chosen, ours.CORE)
    assert quality(linked.probabilities(), chosen.truth, EVEN).f1 == 1.0


@pytest.mark.trial
def test_linkage_of_belgian_records_stays_where_it_was(records: LinkageSet, tmp_path: Path) -> None:
    results = [exact(records), *passerelle(records)]
    by_tier = {result.tier: result for result in results}
    assert by_tier["core"].quality.f1 >= 0.92
    assert by_tier["core, address"].quality.recall >= 0.93
    assert by_tier["core, address"].quality.precision >= 0.9
    assert (by_tier["core, address"].tokens or 99) <= 26
    assert by_tier["core, address"].quality.f1 > by_tier[""].quality.f1 + 0.2
    write_json(tmp_path / "build" / "figures.json", results)
    write_page(tmp_path / "page.md", results, {records.name: (0.9, 0.8)}, [], ["| one |"])
    assert "| Belgian records, seed 5 | 0.9000 | 0.8000 |" in (tmp_path / "page.md").read_text("utf-8")


@pytest.mark.trial
def test_what_is_said_of_households_counts_only_where_pairs_bear_it_out(records: LinkageSet) -> None:
    def found(chosen: LinkageSet) -> list[Quality]:
        tiers = ours.TIERS["core, address"]
        linked = (ours.link(chosen, tiers, no_households=stated) for stated in (None, True))
        return [quality(one.probabilities(), chosen.truth, EVEN) for one in linked]

    with_families = found(records)
    assert with_families[0] == with_families[1]
    usual, said = found(belgian.generate(3_000, 5, alone=True))
    assert said.recall >= usual.recall
    assert said.f1 > usual.f1 - 0.002


@pytest.mark.trial
def test_a_closer_look_finds_more_and_says_what_it_costs(records: LinkageSet) -> None:
    (found,) = closer.compare([records], lambda name: name)
    looked = found.looked
    assert looked.closer.recall >= looked.first.recall
    assert looked.closer.best_f1 > looked.first.best_f1
    assert looked.pairs
    assert 0 < looked.evaluations < 60
    assert looked.first.f1 < found.ceiling <= 1
    assert f"| {records.name} | {looked.first.f1:.4f} | {looked.closer.f1:.4f} |" in "\n".join(
        closer.lines([found])
    )


@pytest.mark.trial
def test_errors_tell_references_and_no_values(records: LinkageSet) -> None:
    lines = list(remaining(records))
    assert len(lines) > 2
    said = " ".join(lines)
    assert not any(str(row["family_name"]) in said for _, row in records.left)


@pytest.mark.trial
def test_learning_and_selection_run(records: LinkageSet) -> None:
    chances = learn.average([learn.levels(records)])
    assert chances["birth"]["exact"] > 0.7
    assert learn.taught(weights(), chances).fields["birth"]["exact"] > 10
    steps = list(selection.choose([records]))
    assert steps[0].found > 0.5
    assert {step.kind.id for step in steps} <= catalogue().kinds.keys()
