"""Closer looks at the hub, on both databases: who is asked, what is taken, what the calls need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hub_kit import FakeAgency, HubKit, hub_kit
from parties import MARKING
from policy_kit import desk

from passerelle.certificate import PeerCertificate, Usage
from passerelle.closer import Answer
from passerelle.codec.closer import answer_out, questions_in
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.notification import Band
from passerelle.rpc.interceptor import CallContext
from passerelle.wire.v1 import closer_pb2
from passerelle_hub.closer import looks
from passerelle_hub.closer.service import Closer
from passerelle_hub.policy.bundle import Bundle, load_bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.service import Threads
from passerelle_hub.store import log_store, quotas

pytestmark = pytest.mark.integration

TWIN = {"surname3+birth": "pee 1980", "surname~+birth": "PTRS 1980"}
GIVEN = "given+birth"


@pytest.fixture(scope="module")
def looking(
    policies: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Bundle, EmbeddedEngine]]:
    edited = desk(policies, tmp_path_factory.mktemp("policies"))
    edited.edit("domains", lambda domains: domains["ter"].update(closer_look=True))
    bundle = load_bundle(edited.policies)
    engine = EmbeddedEngine(bundle)
    yield bundle, engine
    engine.close()


@pytest.fixture
def kit(tmp_path: Path, database_url: str, looking: tuple[Bundle, EmbeddedEngine]) -> Iterator[HubKit]:
    bundle, engine = looking
    with hub_kit(tmp_path, engine, bundle, database_url) as made:
        yield made


def caller(identity: Identity) -> Any:
    nothing: Any = None
    return CallContext(nothing, PeerCertificate(identity, Usage.CLIENT, 1, b"\0" * 32, 0, 2**62))


def events(kit: HubKit) -> dict[str, int]:
    with kit.core.database.read() as tx:
        return log_store.counts(tx)


def tokens(*numbers: int) -> tuple[bytes, ...]:
    return tuple(number.to_bytes(16, "big") for number in numbers)


def twins(kit: HubKit, pairs: int = 1) -> tuple[FakeAgency, FakeAgency]:
    """Records of two agencies that share all but the given name."""
    agencies = kit.agency("police"), kit.agency("intelligence")
    for agency in agencies:
        words = [
            {**{kind: f"{word} {place}" for kind, word in TWIN.items()}, GIVEN: f"{agency.name} {place}"}
            for place in range(pairs)
        ]
        kit.submit(agency, *(agency.record(one) for one in words))
    kit.beat()
    return agencies


def answer(kit: HubKit, agency: FakeAgency, given: tuple[bytes, ...]) -> None:
    core = kit.core
    for question in core.answers.questions(agency.identity):
        core.answers.take(agency.identity, Answer(question.nonce, {"given": given, "birth": tokens(1, 2, 3)}))


async def test_the_calls_ask_and_take(kit: HubKit) -> None:
    police, other = twins(kit)
    threads = Threads()
    service = Closer(answers=kit.core.answers, access=kit.core.access, threads=threads)
    for agency in (police, other):
        said = await service.Questions(closer_pb2.CloserQuestionsRequest(), caller(agency.identity))
        (question,) = questions_in(said)
        request = answer_out(Answer(question.nonce, {"given": tokens(1, 2, 3, 4)}))
        await service.Answer(request, caller(agency.identity))
        with pytest.raises(PasserelleError, match="closer_question_unknown"):
            await service.Answer(request, caller(agency.identity))
    operator = Identity("hub.example", Role.OPERATOR, "coordination")
    with pytest.raises(PasserelleError, match="call_denied"):
        await service.Questions(closer_pb2.CloserQuestionsRequest(), caller(operator))
    threads.close()
    kit.beat()
    assert events(kit)["closer.compared"] == 1
    assert [note.band for note in kit.inbox(police)][-1:] == [Band.VERY_STRONG]


def test_unlike_names_stay_unnotified(kit: HubKit) -> None:
    police, other = twins(kit)
    answer(kit, police, tokens(1, 2, 3, 4))
    answer(kit, other, tokens(5, 6, 7, 8))
    kit.beat()
    assert events(kit)["closer.compared"] == 1
    assert kit.inbox(police) == kit.inbox(other) == []


def test_pairs_of_one_batch_are_matched_anew_together(kit: HubKit) -> None:
    police, other = twins(kit, 3)
    for agency in (police, other):
        answer(kit, agency, tokens(1, 2, 3, 4))
    kit.beat()
    assert events(kit)["closer.compared"] == 3
    assert len(kit.inbox(police)) == len(kit.inbox(other)) == 3
    kit.beat()
    assert len(kit.inbox(police)) == 3


def test_answers_are_charged_like_tokens(kit: HubKit) -> None:
    police, _ = twins(kit)
    answer(kit, police, tokens(1, 2, 3, 4))
    with kit.core.database.read() as tx:
        assert quotas.sums(tx, 0)["police", "tokens/piece"] == 7


def test_no_more_than_so_many_questions_wait(kit: HubKit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "MOST_WAITING", 2)
    police, _ = twins(kit, 3)
    assert len(kit.core.answers.questions(police.identity)) == 2


def test_nobody_is_asked_where_one_side_would_not_be_told_of_a_link(kit: HubKit) -> None:
    police, other = kit.agency("police"), kit.agency("intelligence")
    named = replace(MARKING, releasable_to=("customs",))
    kit.submit(police, police.record({**TWIN, GIVEN: "police"}, marking=named))
    kit.submit(other, other.record({**TWIN, GIVEN: "intelligence"}))
    kit.beat()
    assert kit.core.answers.questions(police.identity) == ()
    assert kit.core.answers.questions(other.identity) == ()
    assert "closer.asked" not in events(kit)
