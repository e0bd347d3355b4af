"""Tokenisation: match keys become tokens, with the help of t of n trustees and without showing them a value.

(1) the distinct inputs of a chunk of records, by identifier group: a value that occurs twice is asked once;
(2) those in the cache (HMAC of the input → token) are done;
(3) blind the rest, in requests of at most `REQUEST_ELEMENTS`, all groups at the same time;
(4) ask every trustee of a quorum at once;
(5) check each answer's proof against the pinned public shares;
(6) combine, unblind, finalise, cut to 16 bytes, remember.

A trustee that does not answer, or answers without a valid proof, is left out, and another quorum is asked
with the same request id and elements, so that trustees bill it once. With fewer than t trustees left the
request fails; requests that succeeded stay in the cache, so nothing is evaluated twice for one failure.

Group arithmetic runs in threads; the event loop only moves messages. What leaves this process are blinded
elements, their number and their group.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final, Protocol

from passerelle.catalogue import Catalogue
from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.log import get_logger
from passerelle.oprf.inputs import oprf_input, token
from passerelle.oprf.keys import GroupKeyInfo
from passerelle.oprf.pinned import GroupKeys
from passerelle.oprf.protocol import REQUEST_ID_BYTES, EvaluateAnswer, EvaluateRequest
from passerelle.oprf.threshold import BlindedBatch, VerifiedAnswer, blind, combine, finalise, request, verify
from passerelle_connector.keys import Key
from passerelle_connector.model import Random, TokenProtocol
from passerelle_connector.padding import Token
from passerelle_connector.store import TokenCache

REQUEST_ELEMENTS: Final = 512
"""Elements of one request: small enough that a chunk keeps all trustees and cores busy."""

_AT_ONCE: Final = 4
_LOG: Final = get_logger("tokenise")


class TrusteePort(Protocol):
    """One trustee."""

    async def evaluate(self, request: EvaluateRequest) -> EvaluateAnswer:
        """Evaluate blinded elements under the trustee's share; the proof is not yet verified.

        Raises:
            PasserelleError: the trustee's code, or `peer_unavailable`, `peer_timeout`.
        """
        ...


class Quorums:
    """Which trustees to ask next: those that failed least since their last success, in turns."""

    def __init__(self, trustees: Sequence[int]) -> None:
        self._failures = dict.fromkeys(sorted(trustees), 0)
        self._turn = 0

    def choose(self, threshold: int, without: Mapping[int, str]) -> tuple[int, ...]:
        """A quorum, rising, of trustees that did not fail in this request.

        Raises:
            PasserelleError: `trustees_unavailable`, with the code of each failure.
        """
        left = [index for index in self._failures if index not in without]
        if len(left) < threshold:
            reasons = ", ".join(f"{index} {code}" for index, code in sorted(without.items()))
            raise PasserelleError("trustees_unavailable", f"{len(left)} of {threshold} left: {reasons}")
        burdens = {some: sum(self._failures[at] for at in some) for some in combinations(left, threshold)}
        best = [some for some, burden in burdens.items() if burden == min(burdens.values())]
        self._turn += 1
        return best[self._turn % len(best)]

    def answered(self, index: int) -> None:
        """A trustee gave a good answer."""
        self._failures[index] = 0

    def failed(self, index: int) -> None:
        """A trustee gave none."""
        self._failures[index] += 1


class Tokeniser:
    """Turns keys into tokens under one token protocol. `tokenise` is not for concurrent use."""

    def __init__(
        self,
        protocol: TokenProtocol,
        catalogue: Catalogue,
        keys: GroupKeys,
        trustees: Mapping[int, TrusteePort],
        cache: TokenCache,
        secret: bytes,
        random: Random,
    ) -> None:
        self._protocol = protocol
        self._catalogue = catalogue
        self._keys = keys
        self._trustees = trustees
        self._cache = cache
        self._secret = secret
        self._random = random
        self._quorums = Quorums(tuple(trustees))
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def tokenise(self, records: Sequence[Sequence[Key]]) -> tuple[tuple[Token, ...], ...]:
        """For each record its tokens (kind id, 16 bytes), in the order of its keys.

        Raises:
            PasserelleError: `trustees_unavailable`; `group_key_unknown`, `key_kind_unknown`.
        """
        macs: dict[Key, bytes] = {}
        missing: dict[Group, dict[bytes, bytes]] = {}
        inputs = {key: self._input(key) for record in records for key in record}  # (1)
        for key, item in inputs.items():
            macs[key] = hmac.digest(self._secret, item, hashlib.sha256)
            missing.setdefault(self._catalogue.kind(key.kind_id).group, {})[macs[key]] = item
        known = await asyncio.to_thread(self._cache.find, list(macs.values()))  # (2)
        asked = [
            self._evaluate(self._keys.find(self._protocol.domain, group, self._protocol.epoch), part)
            for group, items in missing.items()
            for part in _parts({mac: item for mac, item in items.items() if mac not in known})
        ]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            known.update(outcome)
        return tuple(tuple((key.kind_id, known[macs[key]]) for key in record) for record in records)

    async def uncached(self, group: Group, inputs: Sequence[bytes]) -> tuple[bytes, ...]:
        """Tokens of inputs that the cache must not remember, in order: one request.

        Raises:
            PasserelleError: `trustees_unavailable`; `group_key_unknown`.
        """
        info = self._keys.find(self._protocol.domain, group, self._protocol.epoch)
        async with self._places:
            batch = await asyncio.to_thread(blind, inputs)
            answers = await self._ask(info, batch)
            return tuple(await asyncio.to_thread(_finish, batch, answers))

    def _input(self, key: Key) -> bytes:
        place = self._protocol
        return oprf_input(place.domain, place.epoch, key.kind_id, place.normaliser, key.value)

    async def _evaluate(self, info: GroupKeyInfo, items: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        """Steps 3 to 6 for one request."""
        async with self._places:
            batch = await asyncio.to_thread(blind, items.values())  # (3)
            answers = await self._ask(info, batch)
            tokens = await asyncio.to_thread(_finish, batch, answers)  # (6)
            found = dict(zip(items, tokens, strict=True))
            await asyncio.to_thread(self._cache.add, self._protocol.epoch, found)
        return found

    async def _ask(self, info: GroupKeyInfo, batch: BlindedBatch) -> tuple[VerifiedAnswer, ...]:
        """Steps 4 and 5: one quorum after the other until one answers well."""
        request_id = self._random(REQUEST_ID_BYTES)
        failures: dict[int, str] = {}
        while True:
            quorum = self._quorums.choose(info.threshold, failures)
            asked = request(info, batch, quorum, request_id)
            answers = await asyncio.gather(*(self._one(info, asked, index) for index in quorum))
            verified = tuple(answer for answer in answers if isinstance(answer, VerifiedAnswer))
            for index, answer in zip(quorum, answers, strict=True):
                if isinstance(answer, PasserelleError):
                    failures[index] = answer.code
            if len(verified) == len(quorum):
                return verified

    async def _one(
        self, info: GroupKeyInfo, asked: EvaluateRequest, index: int
    ) -> VerifiedAnswer | PasserelleError:
        try:
            answer = await self._trustees[index].evaluate(asked)  # (4)
            if answer.index != index:
                raise PasserelleError("trustee_answer_mismatched", f"trustee {index}: another index")
            verified = await asyncio.to_thread(verify, info, asked, answer)  # (5)
        except PasserelleError as error:
            self._quorums.failed(index)
            said = {"group": info.group.value, "code": error.code, "detail": error.detail}
            _LOG.warning("trustee.failed", trustee=index, **said)
            return error
        self._quorums.answered(index)
        return verified


def _finish(batch: BlindedBatch, answers: tuple[VerifiedAnswer, ...]) -> list[bytes]:
    return [token(output) for output in finalise(batch, combine(answers))]


def _parts(items: Mapping[bytes, bytes]) -> list[dict[bytes, bytes]]:
    rows = list(items.items())
    return [dict(rows[at : at + REQUEST_ELEMENTS]) for at in range(0, len(rows), REQUEST_ELEMENTS)]
