"""The servicer of judgements: receipts and refusals leave at the end of a slot alike."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

import pytest
from parties import HUB

from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.sign import Signed, SigningKey, sign
from passerelle.wire.v1 import judgement_pb2
from passerelle_hub.judge import service
from passerelle_hub.judge.judging import Judgements
from passerelle_hub.judge.service import Judgement
from passerelle_hub.service import Threads

SLOT = 0.2


class Judging(Judgements):
    """Answers after some work, or refuses."""

    def __init__(self, work: float, code: str = "") -> None:
        self._work = work
        self._code = code

    def judge(self, signed: Signed, peer: Identity) -> Signed:
        del peer
        time.sleep(self._work)
        if self._code:
            raise PasserelleError(self._code)
        return signed


@pytest.mark.parametrize("work", [0.0, 0.02])
@pytest.mark.parametrize("code", ["", "link_unknown", "judgement_denied"])
async def test_every_answer_leaves_at_the_end_of_its_slot(
    work: float, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "peer", lambda _context: HUB)
    monkeypatch.setattr(service, "ANSWER_SECONDS", SLOT)
    threads = Threads()
    signed = sign(SigningKey.generate(), "a/b", b"judgement")
    request = judgement_pb2.JudgeRequest()
    request.judgement.payload = signed.payload
    began = asyncio.get_running_loop().time()
    said = ""
    try:
        answer = await Judgement(judgements=Judging(work, code), threads=threads).Judge(
            request, cast("Any", None)
        )
        assert answer.receipt.payload == signed.payload
    except PasserelleError as refusal:
        said = refusal.code
    finally:
        threads.close()
    assert said == code
    assert asyncio.get_running_loop().time() - began >= SLOT
