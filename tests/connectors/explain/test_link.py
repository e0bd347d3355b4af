"""Explanations: every field, level and factor has words in every language, and the sums are right."""

from __future__ import annotations

from dataclasses import fields

import pytest

from passerelle.errors import PasserelleError
from passerelle.judgement import Verdict
from passerelle.notification import Agreement, Band, LinkState, Notification, Relation
from passerelle_connector.explain import LANGUAGES, Words, explain, words
from passerelle_hub.match.score import CEILING, COMMONNESS, PRIOR
from passerelle_hub.match.weights import weights

EVIDENCE = (
    Agreement("surname", "first3", 3.97),
    Agreement("birth", "exact", 14.15),
    Agreement("number", "disagree", -5.64),
    Agreement("prior", "", -10.3),
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_the_hub_can_say_has_words(language: str) -> None:
    table, told = weights(), words(language)
    levels = {level for of_field in table.fields.values() for level in of_field}
    assert sorted((table.fields.keys() | table.means.keys()) - told.fields.keys()) == []
    assert sorted(levels - told.levels.keys()) == []
    assert told.factors.keys() == {PRIOR, COMMONNESS, CEILING}
    assert told.relations.keys() == {relation.value for relation in Relation}
    assert told.bands.keys() == {band.value for band in Band} - {"withheld"}
    unseen = {LinkState.SUPPRESSED, LinkState.ERASED, LinkState.CONFIRMED}
    assert told.states.keys() == {state.value for state in LinkState if state not in unseen} | set(Verdict)


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_all_languages_have_the_same_entries_and_places(language: str) -> None:
    english, other = words("en"), words(language)
    for field in fields(Words):
        one, two = getattr(english, field.name), getattr(other, field.name)
        if isinstance(one, dict):
            assert one.keys() == two.keys(), field.name
    for name, sentence in english.sentences.items():
        assert _places(sentence) == _places(other.sentences[name]), name


def _places(sentence: str) -> set[str]:
    return {part.partition("}")[0] for part in sentence.split("{")[1:]}


def test_a_waterfall_begins_with_the_prior_and_ends_with_the_sum(notification: Notification) -> None:
    note = notification._replace(agreements=EVIDENCE, band=Band.POSSIBLE, relation=Relation.SAME_PERSON)
    told = explain(note, words("en"))
    assert [line.text for line in told.lines] == [
        "before anything is compared",
        "birth date: equal",
        "surname: first three letters equal, full form not proven",
        "national number: different",
    ]
    assert [line.factor for line in told.lines] == ["÷ 1,300", "× 18,000", "× 16", "÷ 50"]
    assert told.total == pytest.approx(2.18)
    assert "about 5 to 1 that the records concern the same person" in told.summary
    assert "possible" in told.summary


def test_odds_below_even_are_told_the_other_way_round(notification: Notification) -> None:
    note = notification._replace(agreements=(Agreement("birth", "year", -2.0),), band=Band.WEAK)
    assert "4 to 1 against" in explain(note, words("en")).summary


def test_numbers_are_grouped_as_the_language_does(notification: Notification) -> None:
    note = notification._replace(agreements=(Agreement("birth", "exact", 14.15),))
    assert [explain(note, words(name)).lines[0].factor for name in LANGUAGES] == [
        "× 18,000", "× 18 000", "× 18.000", "× 18.000",
    ]  # fmt: skip


def test_what_policy_withholds_is_said_to_be_withheld(notification: Notification) -> None:
    note = notification._replace(agreements=(), band=Band.WITHHELD, counterpart="coordinator")
    told = explain(note, words("en"))
    assert told.lines == ()
    assert "not shown" in told.summary
    assert "through the coordinator" in told.headline


def test_a_code_without_words_is_shown_as_it_is(notification: Notification) -> None:
    note = notification._replace(agreements=(Agreement("gait", "brisk", 1.0),))
    assert [line.text for line in explain(note, words("fr")).lines] == ["gait: brisk"]


def test_a_language_nobody_wrote_is_refused() -> None:
    with pytest.raises(PasserelleError) as refusal:
        words("tlh")
    assert refusal.value.code == "language_unknown"


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "identity fraud (red)"),
        ("fr", "(rouge)"),
        ("nl", "identiteitsfraude"),
        ("de", "Identitätsbetrug"),
    ],
)
def test_what_people_found_is_the_last_line(notification: Notification, language: str, said: str) -> None:
    assert explain(notification, words(language)).found == ""
    judged = notification._replace(state=LinkState.CONFIRMED, verdict=Verdict.CONFIRMED_UNJUSTIFIED.value)
    *_, last = explain(judged, words(language)).texts()
    assert said in last


def test_a_verdict_of_a_newer_hub_is_shown_by_its_code(notification: Notification) -> None:
    assert "half" in explain(notification._replace(verdict="half"), words("en")).found
