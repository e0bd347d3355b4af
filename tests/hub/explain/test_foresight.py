"""Who would learn what: rules and marking decide, and nothing that the hub holds shows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hub_kit import HubKit
from parties import MARKING

from passerelle.codec.foresight import foresight_in, foresight_out, imagined_in, imagined_out
from passerelle.errors import PasserelleError
from passerelle.foresight import Foresight, Imagined, Learned
from passerelle.groups import EntityKind
from passerelle.marking import Classification, Marking, Tlp
from passerelle.policy_words import LANGUAGES
from passerelle.wire.v1 import preview_pb2, record_pb2
from passerelle_hub.explain.foresight import Foreseer
from passerelle_hub.store import decisions

SAME = {
    "surname+given+birth": "jansen jan 1980-02-03",
    "given+birth": "jan 1980-02-03",
    "surname~+birth": "jnsn 1980-02-03",
    "national number": "80020312345",
}


def imagined(marking: Marking = MARKING, *tiers: str, language: str = "en") -> Imagined:
    return Imagined("ter", EntityKind.PERSON, marking, tiers or ("core", "strong"), language)


def foresee(hub: HubKit, asked: Imagined, agency: str = "police") -> Foresight:
    foreseer = Foreseer(hub.core.decisions, "coordination", "norm/1")
    return foreseer.foresee(hub.agency(agency).identity, asked)


def told(foreseen: Foresight) -> set[tuple[str, str]]:
    return {(one.counterpart, one.visibility) for one in foreseen.learned if one.visibility}


def test_basic_and_partner_services_would_learn_of_a_match(hub: HubKit) -> None:
    foreseen = foresee(hub, imagined())
    assert foreseen.taken and not foreseen.refusals
    assert ("basic", "match") in told(foreseen)
    assert ("query_right", "existence") in told(foreseen)
    assert "director" not in {one.counterpart for one in foreseen.learned}
    shown = next(one for one in foreseen.learned if one.visibility == "existence")
    assert shown.withheld and not shown.named and not shown.reasons


def test_an_embargoed_record_is_for_the_directors_desk_alone(hub: HubKit) -> None:
    foreseen = foresee(hub, imagined(replace(MARKING, embargo_basis="ongoing")))
    assert told(foreseen) == {("director", "director")}
    assert all(one.reasons for one in foreseen.learned if not one.visibility)


def test_a_high_classification_reaches_fewer(hub: HubKit) -> None:
    def reached(classification: Classification) -> int:
        foreseen = foresee(hub, imagined(replace(MARKING, classification=classification)))
        return sum(one.agencies for one in foreseen.learned if one.visibility)

    assert reached(Classification.CONFIDENTIAL) < reached(Classification.UNCLASSIFIED)


def test_named_recipients_are_the_only_ones(hub: HubKit) -> None:
    red = replace(MARKING, tlp=Tlp.RED, releasable_to=("intelligence",))
    foreseen = foresee(hub, imagined(red))
    assert sum(one.agencies for one in foreseen.learned if one.visibility) == 1


def test_names_alone_tell_nobody_in_a_domain_that_shows_no_candidates(hub: HubKit) -> None:
    foreseen = foresee(hub, imagined(MARKING, "names"))
    assert {one.evidence for one in foreseen.learned} == {"names"}
    assert told(foreseen) == set()
    assert not foreseen.taken
    assert foresee(hub, imagined(MARKING, "nonsense")).learned == ()


def test_nothing_of_what_the_hub_holds_shows_and_nothing_is_kept(hub: HubKit) -> None:
    before = foresee(hub, imagined())
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    hub.submit(police, police.record(SAME))
    hub.submit(intelligence, intelligence.record(SAME, marking=replace(MARKING, embargo_basis="ongoing")))
    hub.beat()
    with hub.core.database.read() as tx:
        stored = decisions.count(tx)
    assert foresee(hub, imagined()) == before
    with hub.core.database.read() as tx:
        assert decisions.count(tx) == stored
    # no agency is named, only classes and counts
    assert "intelligence" not in str(before)


def test_each_language(hub: HubKit) -> None:
    said = {str(foresee(hub, imagined(language=language)).learned) for language in LANGUAGES}
    assert len(said) == len(LANGUAGES)
    with pytest.raises(PasserelleError):
        foresee(hub, imagined(language="xx"))


def test_question_and_answer_through_the_wire() -> None:
    asked = imagined(MARKING, "core", "names", language="nl")
    assert imagined_in(imagined_out(asked)) == asked
    learned = Learned("basic", "names", 3, "match", True, ("a",), ("b",), ())
    answer = Foresight(False, ("r",), (learned,), "p", "d")
    assert foresight_in(foresight_out(answer)) == answer


@pytest.mark.parametrize(
    "message",
    [
        preview_pb2.WhoWouldLearnRequest(),
        preview_pb2.WhoWouldLearnRequest(entity=record_pb2.ENTITY_KIND_PERSON, marking=b"\xff"),
        preview_pb2.WhoWouldLearnRequest(entity=record_pb2.ENTITY_KIND_PERSON, marking=b"x" * 20_000),
        preview_pb2.WhoWouldLearnRequest(entity=record_pb2.ENTITY_KIND_PERSON, tiers=["core"] * 17),
        preview_pb2.WhoWouldLearnRequest(entity=record_pb2.ENTITY_KIND_PERSON),
    ],
)
def test_a_malformed_question_is_refused(message: preview_pb2.WhoWouldLearnRequest) -> None:
    with pytest.raises(PasserelleError) as refused:
        imagined_in(message)
    assert refused.value.code in ("message_malformed", "marking_invalid")
