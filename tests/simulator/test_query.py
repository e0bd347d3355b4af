"""One-off queries over the whole way: what a person knows, tokens, trustees, hub, answer, owner's inbox."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mapping_kit import NAMES, mapping
from simulator import Federation, Member

from passerelle.errors import PasserelleError
from passerelle.notification import NotificationKind
from passerelle.query import Answer
from passerelle.sign import Signed
from passerelle_connector.query import Inquiry
from passerelle_hub.store import marks

CONFIG = mapping(NAMES | {"national_number": "nrn", "phone": "phone"})
HEAD = "id,name,first,born,nrn,phone\n"
ANNA = "1,Peeters,Anna,1980-02-03,,"
BO = "2,Maes,Bo,1975-05-06,,"
KNOWN = {"family_name": ("Peeters",), "given_name": ("anna",), "born": ("1980-02-03",)}
INQUIRY = Inquiry(KNOWN, "u-17", "counter_terrorism", "be_ter_2024", "c-9", 3)


def join(simulated: Federation, agency: str, row: str) -> Member:
    return simulated.join(agency, CONFIG, {"rows.csv": f"{HEAD}{row}\n".encode()})


async def held(simulated: Federation) -> tuple[Member, Member]:
    police, intelligence = (
        join(simulated, "police", ANNA),
        join(simulated, "intelligence", BO),
    )
    await police.submit()
    simulated.beat()
    return police, intelligence


async def test_a_person_is_found_by_what_is_known_and_the_owner_hears_of_it(simulated: Federation) -> None:
    police, intelligence = await held(simulated)
    answer = await intelligence.asker.ask(INQUIRY)
    assert [hit.counterpart for hit in answer.hits] == ["police"]
    (told,) = await police.read_inbox()
    assert told.kind is NotificationKind.QUERY
    assert told.counterpart == "intelligence"
    assert not (await intelligence.asker.ask(replace(INQUIRY, fields=KNOWN | {"born": ("1981-12-13",)}))).hit


async def test_no_value_leaves_and_nothing_is_indexed(simulated: Federation) -> None:
    _, intelligence = await held(simulated)
    with simulated.kit.core.database.read() as tx:
        before = marks.count(tx)
    await intelligence.asker.ask(INQUIRY)
    sent = b"".join(simulated.wire)
    assert b"eeters" not in sent
    assert b"1980-02-03" not in sent
    with simulated.kit.core.database.read() as tx:
        assert marks.count(tx) == before


@pytest.mark.parametrize(
    "fields",
    [
        {"family_name": ("Peeters",)},
        {"born": ("1980-02-03",)},
        {"born": ("2020-01-01",)} | {"family_name": ("Kind",)},
    ],
)
async def test_what_no_key_can_be_made_of_is_refused_here(
    simulated: Federation, fields: dict[str, tuple[str, ...]]
) -> None:
    _, intelligence = await held(simulated)
    with pytest.raises(PasserelleError, match="query_unusable"):
        await intelligence.asker.ask(replace(INQUIRY, fields=fields))


async def test_who_names_no_case_is_refused_by_policy(simulated: Federation) -> None:
    _, intelligence = await held(simulated)
    with pytest.raises(PasserelleError, match="query_denied"):
        await intelligence.asker.ask(replace(INQUIRY, case_reference=""))


async def test_an_answer_to_another_question_is_refused(simulated: Federation) -> None:
    _, intelligence = await held(simulated)
    answers: list[Signed] = []

    async def first(question: Signed) -> Signed:
        if not answers:
            answers.append(intelligence.hub.kit.core.queries.answer(question, intelligence.hub.peer))
        return answers[0]

    intelligence.hub.ask = first  # type: ignore[method-assign]  # a hub that repeats itself
    assert isinstance(await intelligence.asker.ask(INQUIRY), Answer)
    with pytest.raises(PasserelleError, match="query_answer_invalid"):
        await intelligence.asker.ask(INQUIRY)


async def test_an_answer_that_the_hub_did_not_sign_is_refused(simulated: Federation) -> None:
    _, intelligence = await held(simulated)
    intelligence.hub.ask = _echo  # type: ignore[method-assign]  # somebody in between
    with pytest.raises(PasserelleError, match="query_answer_invalid"):
        await intelligence.asker.ask(INQUIRY)


async def _echo(question: Signed) -> Signed:
    return question
