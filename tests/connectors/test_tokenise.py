"""Tokenisation: one token per value whatever the quorum, faulty trustees left out, nothing asked twice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from passerelle.catalogue import catalogue
from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.oprf.group import ristretto255
from passerelle.oprf.inputs import oprf_input, token
from passerelle.oprf.keys import Dealt, KeyShare, deal
from passerelle.oprf.pinned import Ceremony, GroupKeys
from passerelle.oprf.protocol import EvaluateAnswer, EvaluateRequest
from passerelle.oprf.threshold import evaluate
from passerelle.oprf.voprf import blind, finalise
from passerelle.oprf.voprf import evaluate as evaluate_alone
from passerelle_connector.keys import Key
from passerelle_connector.model import TokenProtocol
from passerelle_connector.store import Database, TokenCache
from passerelle_connector.tokenise import REQUEST_ELEMENTS, Tokeniser

PROTOCOL = TokenProtocol("norm/1", "keys/1", "ter", 1)
PHONE = catalogue().named("phone").id
NAMES = catalogue().named("surname+given+birth").id
GROUPS = (Group.PHONE, Group.PERSON)
SECRETS = {group: ristretto255().random_scalars(2) for group in GROUPS}
DEALT: dict[Group, Dealt] = {group: deal("ter", group, 1, 1, 2, SECRETS[group], 3) for group in GROUPS}


@dataclass
class Trustee:
    """A real evaluation under a real share, with a fault where a test wants one."""

    shares: dict[Group, KeyShare]
    fault: str = ""
    requests: list[EvaluateRequest] = field(default_factory=list)

    async def evaluate(self, request: EvaluateRequest) -> EvaluateAnswer:
        self.requests.append(request)
        if self.fault == "down":
            raise PasserelleError("peer_unavailable", "")
        answer = evaluate(self.shares[request.group], request)
        if self.fault == "proof":
            return replace(answer, elements=request.elements)
        if self.fault == "index":
            return replace(answer, index=answer.index % 3 + 1)
        if self.fault == "generation":
            return replace(answer, generation=2)
        return answer


@dataclass
class World:
    trustees: dict[int, Trustee]
    cache: TokenCache

    def tokeniser(self, secret: bytes = b"s" * 32) -> Tokeniser:
        keys = GroupKeys(Ceremony.DEVELOPMENT, tuple(dealt.info for dealt in DEALT.values()))
        return Tokeniser(PROTOCOL, catalogue(), keys, self.trustees, self.cache, secret, os.urandom)

    def asked(self) -> int:
        """Elements evaluated by all trustees together."""
        return sum(request.count for trustee in self.trustees.values() for request in trustee.requests)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(tmp_path / "connector.db")
    shares = zip(*(DEALT[group].shares for group in GROUPS), strict=True)
    trustees = {index: Trustee(dict(zip(GROUPS, mine, strict=True))) for index, mine in enumerate(shares, 1)}
    yield World(trustees, TokenCache(database))
    database.close()


def expected(key: Key, group: Group) -> tuple[int, bytes]:
    """The token under the whole key, as RFC 9497 has it."""
    batch = blind([oprf_input("ter", 1, key.kind_id, "norm/1", key.value)])
    (output,) = finalise(batch, evaluate_alone(SECRETS[group][:32], batch.elements))
    return key.kind_id, token(output)


RECORDS = (
    (Key(NAMES, b"A|B|1980"), Key(PHONE, b"+32470")),
    (),
    (Key(PHONE, b"+32470"), Key(PHONE, b"+32471")),
)


async def test_tokens_are_those_of_the_single_key(world: World) -> None:
    tokens = await world.tokeniser().tokenise(RECORDS)
    assert tokens == (
        (expected(RECORDS[0][0], Group.PERSON), expected(RECORDS[0][1], Group.PHONE)),
        (),
        (expected(RECORDS[2][0], Group.PHONE), expected(RECORDS[2][1], Group.PHONE)),
    )
    assert world.asked() == 2 * 3


async def test_what_is_known_is_not_asked_again(world: World) -> None:
    first = await world.tokeniser().tokenise(RECORDS)
    before = world.asked()
    assert await world.tokeniser().tokenise(RECORDS) == first
    assert world.asked() == before
    assert await world.tokeniser(secret=b"t" * 32).tokenise(RECORDS) == first
    assert world.asked() == 2 * before


@pytest.mark.parametrize("fault", ["down", "proof", "index", "generation"])
@pytest.mark.parametrize("bad", [1, 2, 3])
async def test_one_faulty_trustee_is_left_out(world: World, fault: str, bad: int) -> None:
    good = await world.tokeniser().tokenise(RECORDS)
    for trustee in world.trustees.values():
        trustee.requests.clear()
    world.trustees[bad].fault = fault
    tokeniser = world.tokeniser(secret=b"other" * 6)
    assert await tokeniser.tokenise(RECORDS) == good
    by_group: dict[Group, set[tuple[bytes, bytes]]] = {}
    for trustee in world.trustees.values():
        for request in trustee.requests:
            by_group.setdefault(request.group, set()).add((request.request_id, request.elements))
    assert all(len(found) == 1 for found in by_group.values())
    met = len(world.trustees[bad].requests)
    await tokeniser.tokenise([(Key(PHONE, b"another"),), (Key(NAMES, b"another"),)])
    assert len(world.trustees[bad].requests) <= met or not met


async def test_fewer_than_the_threshold_is_said_and_nothing_asked_twice(world: World) -> None:
    world.trustees[1].fault = world.trustees[2].fault = "down"
    with pytest.raises(PasserelleError, match="trustees_unavailable") as caught:
        await world.tokeniser().tokenise([(Key(PHONE, b"1"),)])
    assert caught.value.detail == "1 of 2 left: 1 peer_unavailable, 2 peer_unavailable"
    world.trustees[1].fault = world.trustees[2].fault = ""
    assert len(await world.tokeniser().tokenise([(Key(PHONE, b"1"),)])) == 1


async def test_requests_that_succeeded_are_kept_when_another_fails(world: World) -> None:
    for trustee in world.trustees.values():
        del trustee.shares[Group.PERSON]
        trustee.shares[Group.PERSON] = trustee.shares[Group.PHONE]  # refuses: not the share asked for
    with pytest.raises(PasserelleError, match="trustees_unavailable"):
        await world.tokeniser().tokenise(RECORDS)
    before = sum(1 for trustee in world.trustees.values() for _ in trustee.requests)
    await world.tokeniser().tokenise([RECORDS[2]])
    assert sum(1 for trustee in world.trustees.values() for _ in trustee.requests) == before


async def test_many_values_travel_in_several_requests(world: World) -> None:
    keys = [(Key(PHONE, str(at).encode()),) for at in range(REQUEST_ELEMENTS + 1)]
    tokens = await world.tokeniser().tokenise(keys)
    assert len({found for (found,) in tokens}) == len(keys)
    sizes = sorted(request.count for trustee in world.trustees.values() for request in trustee.requests)
    assert sizes == [1, 1, REQUEST_ELEMENTS, REQUEST_ELEMENTS]


async def test_no_key_for_the_group_is_said(world: World) -> None:
    with pytest.raises(PasserelleError, match="group_key_unknown"):
        await world.tokeniser().tokenise([(Key(catalogue().named("e-mail").id, b"x"),)])


async def test_old_epochs_are_forgotten(world: World) -> None:
    await world.tokeniser().tokenise(RECORDS)
    world.cache.forget_before(2)
    assert world.cache.find([b"x"]) == {}
    before = world.asked()
    await world.tokeniser().tokenise(RECORDS)
    assert world.asked() == 2 * before
