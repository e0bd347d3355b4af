"""The servicer of queries: the answer leaves at the end of a slot, a refusal at once."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

import pytest
from parties import HUB

from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.sign import Signed, SigningKey, sign
from passerelle.wire.v1 import query_pb2
from passerelle_hub.query import service
from passerelle_hub.query.ask import Queries
from passerelle_hub.query.service import Query
from passerelle_hub.service import Threads

SLOT = 0.2


class Answering(Queries):
    """Answers after some work, or refuses."""

    def __init__(self, work: float, code: str = "") -> None:
        self._work = work
        self._code = code

    def answer(self, signed: Signed, peer: Identity) -> Signed:
        del peer
        time.sleep(self._work)
        if self._code:
            raise PasserelleError(self._code)
        return signed


async def seconds(queries: Queries, monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr(service, "peer", lambda _context: HUB)
    monkeypatch.setattr(service, "ANSWER_SECONDS", SLOT)
    threads = Threads()
    signed = sign(SigningKey.generate(), "a/b", b"question")
    request = query_pb2.AskRequest()
    request.question.payload = signed.payload
    began = asyncio.get_running_loop().time()
    try:
        said = await Query(queries=queries, threads=threads).Ask(request, cast("Any", None))
        assert said.answer.payload == signed.payload
    finally:
        threads.close()
    return asyncio.get_running_loop().time() - began


@pytest.mark.parametrize("work", [0.0, 0.02])
async def test_an_answer_leaves_at_the_end_of_its_slot(work: float, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await seconds(Answering(work), monkeypatch) >= SLOT


async def test_a_refusal_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PasserelleError, match="query_denied"):
        await seconds(Answering(0.0, "query_denied"), monkeypatch)
