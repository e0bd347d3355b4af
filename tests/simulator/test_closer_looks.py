"""Closer looks, the whole way: asked by the hub, answered by both connectors, compared on the tick."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hub_kit import hub_kit
from mapping_kit import NAMES, mapping
from policy_kit import desk
from simulator import Federation, Member, federation

from passerelle.clock import DAY
from passerelle.closer import Answer
from passerelle.errors import PasserelleError
from passerelle_connector.closer.answering import Answering
from passerelle_hub.policy.bundle import Bundle, load_bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.store import closer, links, log_store

pytestmark = pytest.mark.integration

CONFIG = mapping(NAMES, marking="EMBARGO")
HEAD = "id,name,first,born\n"
FATIMA, GATIMA = "1,Peeters,Fatima,1980-02-03", "X1,Peeters,Gatima,1980-02-03"
ANNA, BORIS = "2,Claes,Anna,1990-07-08", "X2,Claes,Boris,1990-07-08"


@pytest.fixture(scope="module")
def looking(
    policies: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Bundle, EmbeddedEngine]]:
    """Policies under which the domain allows closer looks."""
    edited = desk(policies, tmp_path_factory.mktemp("policies"))
    edited.edit("domains", lambda domains: domains["ter"].update(closer_look=True))
    bundle = load_bundle(edited.policies)
    engine = EmbeddedEngine(bundle)
    yield bundle, engine
    engine.close()


@pytest.fixture
async def open_to_looks(tmp_path: Path, looking: tuple[Bundle, EmbeddedEngine]) -> AsyncIterator[Federation]:
    bundle, engine = looking
    with hub_kit(tmp_path, engine, bundle) as kit:
        async with federation(kit, tmp_path) as made:
            yield made


def join(made: Federation, agency: str, *rows: str, embargo: str = "") -> Member:
    config = CONFIG.replace("EMBARGO", embargo)
    return made.join(agency, config, {"rows.csv": (HEAD + "\n".join(rows) + "\n").encode()})


async def submitted(made: Federation, *, embargo: str = "") -> tuple[Member, Member]:
    police = join(made, "police", FATIMA, ANNA)
    other = join(made, "intelligence", GATIMA, BORIS, embargo=embargo)
    for member in (police, other):
        await member.submit()
    made.beat()
    return police, other


def answering(member: Member) -> Answering:
    assert member.connector.answering is not None
    return member.connector.answering


def bands(made: Federation) -> list[tuple[str, str]]:
    with made.kit.core.database.read() as tx:
        return sorted((row.state, row.band) for row in links.listing(tx))


def events(made: Federation) -> dict[str, int]:
    with made.kit.core.database.read() as tx:
        return log_store.counts(tx)


async def test_a_closer_look_tells_a_variant_of_a_name_from_a_twin(open_to_looks: Federation) -> None:
    police, other = await submitted(open_to_looks)
    assert bands(open_to_looks) == [("candidate", "possible")] * 2
    assert events(open_to_looks)["closer.asked"] == 2
    asked = sum(trustee.asked for trustee in police.trustees.values())
    assert await answering(police).answer_once() == 2
    assert sum(trustee.asked for trustee in police.trustees.values()) > asked
    open_to_looks.beat()
    assert bands(open_to_looks) == [("candidate", "possible")] * 2  # one side says nothing
    assert await answering(other).answer_once() == 2
    open_to_looks.beat()
    assert bands(open_to_looks) == [("candidate", "possible"), ("notified", "very_strong")]
    for member in (police, other):
        (note,) = await member.read_inbox()
        assert {row.field: row.level for row in note.agreements}["given"] == "close"
        assert await answering(member).answer_once() == 0
    assert events(open_to_looks)["closer.compared"] == 2


async def test_what_the_hub_keeps_and_sees_holds_no_token_and_no_letter(open_to_looks: Federation) -> None:
    police, other = await submitted(open_to_looks)
    before = len(open_to_looks.wire)
    for member in (police, other):
        await answering(member).answer_once()
    open_to_looks.beat()
    sent = b"".join(open_to_looks.wire[before:])
    assert b"ATIMA" not in sent.upper()
    with open_to_looks.kit.core.database.read() as tx:
        kept = closer.of_pairs(tx, [(low, high) for low in range(9) for high in range(9)])
    assert len(kept) == 2
    assert {(look.low_answer, look.high_answer) for look in kept.values()} == {(b"", b"")}
    assert len({look.nonce for look in kept.values()}) == 2


async def test_a_further_reading_of_the_same_pair_asks_nothing_anew(open_to_looks: Federation) -> None:
    police, other = await submitted(open_to_looks)
    for member in (police, other):
        await answering(member).answer_once()
    open_to_looks.beat()
    third = join(open_to_looks, "prisons", "Z1,Maes,Luc,1971-01-01")
    await third.submit()
    open_to_looks.beat()
    assert events(open_to_looks)["closer.asked"] == 2
    assert bands(open_to_looks) == [("candidate", "possible"), ("notified", "very_strong")]


async def test_a_changed_row_is_not_answered_for(open_to_looks: Federation) -> None:
    police, _ = await submitted(open_to_looks)
    rows = (HEAD + "\n".join((FATIMA.replace("1980", "1981"), ANNA)) + "\n").encode()
    (open_to_looks.folder / "police" / "data" / "rows.csv").write_bytes(rows)
    assert await answering(police).answer_once() == 1
    await police.submit()
    open_to_looks.beat()
    assert await answering(police).answer_once() == 0


async def test_embargoed_records_are_never_asked_about(open_to_looks: Federation) -> None:
    police, other = await submitted(open_to_looks, embargo='embargo_basis = "art-12"')
    assert bands(open_to_looks) == [("director_only", "possible")] * 2
    assert "closer.asked" not in events(open_to_looks)
    for member in (police, other):
        assert await member.hub.questions() == ()


async def test_unanswered_questions_lapse(open_to_looks: Federation) -> None:
    police, _ = await submitted(open_to_looks)
    assert len(await police.hub.questions()) == 2
    open_to_looks.kit.clock.advance(7 * DAY)
    assert await police.hub.questions() == ()
    assert open_to_looks.kit.core.comparisons.lapse() == 2
    assert events(open_to_looks)["closer.lapsed"] == 1


async def test_an_answer_for_somebody_else_is_refused(open_to_looks: Federation) -> None:
    police, other = await submitted(open_to_looks)
    await answering(police).answer_once()
    third = join(open_to_looks, "prisons", "Z1,Maes,Luc,1971-01-01")
    (question, *_) = await other.hub.questions()
    with pytest.raises(PasserelleError, match="closer_question_unknown"):
        await third.hub.answer(Answer(question.nonce, {}))


async def test_off_by_default(simulated: Federation) -> None:
    police, other = await submitted(simulated)
    assert bands(simulated) == [("candidate", "possible")] * 2
    assert "closer.asked" not in events(simulated)
    for member in (police, other):
        assert await answering(member).answer_once() == 0
