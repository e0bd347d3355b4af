"""A one-off query: from what a person knows of somebody to the hub's verified answer.

(1) normalise and mark what was given, as a row of the source would be; a query that would be set aside there
    is refused here;
(2) keys and tokens, and dummies up to the usual counts: the hub sees the same of a question as of a record;
(3) the question, signed with the key that the registry shows;
(4) the answer: signed by the hub, about this very question. Nothing of it is stored, and no value leaves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from passerelle.clock import Clock
from passerelle.codec.query import decode_answer, encode_question
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.query import ANSWER_TYPE, QUESTION_TYPE, Answer, Question
from passerelle.record import ID_BYTES
from passerelle.sign import Signed, SigningKey, sign
from passerelle_connector.model import Random, TokenProtocol
from passerelle_connector.padding import pad
from passerelle_connector.peers import Peers
from passerelle_connector.prepare import Preparation, Prepared
from passerelle_connector.sources import RawRow
from passerelle_connector.tokenise import Tokeniser


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What is known, by field of `[map]`, and who asks why. `clearance` is the person's, 1 to 5."""

    fields: Mapping[str, tuple[str, ...]]
    user: str
    purpose: str
    legal_basis: str
    case_reference: str
    clearance: int
    manual: bool = False


class QueryPort(Protocol):
    """The hub's Query."""

    async def ask(self, question: Signed) -> Signed:
        """The hub's signed answer, not yet verified.

        Raises:
            PasserelleError: the hub's code, or `peer_unavailable`, `peer_timeout`.
        """
        ...


class Asker:
    """Asks. Not for concurrent use: it tokenises."""

    def __init__(
        self,
        *,
        identity: Identity,
        protocol: TokenProtocol,
        preparation: Preparation,
        tokeniser: Tokeniser,
        padding_secret: bytes,
        signing: Callable[[], SigningKey],
        peers: Peers,
        port: QueryPort,
        clock: Clock,
        random: Random,
    ) -> None:
        self._identity = identity
        self._protocol = protocol
        self._preparation = preparation
        self._tokeniser = tokeniser
        self._padding_secret = padding_secret
        self._signing = signing
        self._peers = peers
        self._port = port
        self._clock = clock
        self._random = random

    async def ask(self, inquiry: Inquiry) -> Answer:
        """The hub's answer.

        Raises:
            PasserelleError: `query_unusable`; `trustees_unavailable`; the hub's code; `query_answer_invalid`.
        """
        prepared = self._prepared(inquiry)  # (1)
        question = await self._question(inquiry, prepared)  # (2)
        signed = sign(self._signing(), QUESTION_TYPE, encode_question(question))  # (3)
        return self._answer(await self._port.ask(signed), signed, question)  # (4)

    def _prepared(self, inquiry: Inquiry) -> Prepared:
        marking = {
            "purposes": (inquiry.purpose,),
            "legal_basis": (inquiry.legal_basis,),
            "case_reference": (inquiry.case_reference,),
        }
        stated = {name: values for name, values in marking.items() if all(values)}
        row = RawRow("query", inquiry.fields, stated, {}, b"", ())
        prepared = self._preparation.prepare(row, self._clock.now())
        if not isinstance(prepared, Prepared):
            said = (f"{note.target}: {note.code}" if note.target else note.code for note in prepared.notes)
            raise PasserelleError("query_unusable", ", ".join(said))
        return prepared

    async def _question(self, inquiry: Inquiry, prepared: Prepared) -> Question:
        (tokens,) = await self._tokeniser.tokenise([prepared.keys])
        query_id, protocol, marking = self._random(ID_BYTES), self._protocol, prepared.marking
        table = self._preparation.catalogue
        kinds, packed = pad(table, self._padding_secret, query_id, str(protocol), tokens)
        return Question(
            audience=str(self._peers.hub),
            agency=self._identity.agency,
            connector=str(self._identity),
            query_id=query_id,
            created=self._clock.now(),
            domain=protocol.domain,
            epoch=protocol.epoch,
            normaliser=protocol.normaliser,
            catalogue=protocol.catalogue,
            purpose=inquiry.purpose,
            legal_basis=inquiry.legal_basis,
            case_reference=inquiry.case_reference,
            user=inquiry.user,
            clearance=inquiry.clearance,
            channel="manual" if inquiry.manual else "automatic",
            entity=prepared.subject.entity,
            age_band=marking.age_band.value,
            subject_category=marking.subject_category.value,
            special_categories=marking.special_categories,
            kinds=kinds,
            tokens=packed,
        )

    def _answer(self, said: Signed, signed: Signed, question: Question) -> Answer:
        try:
            answer = decode_answer(self._peers.verify_hub(said, ANSWER_TYPE, self._clock.now()))
        except PasserelleError as error:
            raise PasserelleError("query_answer_invalid", error.code) from error
        wanted = (question.agency, question.query_id, hashlib.sha256(signed.payload).digest())
        if (answer.agency, answer.query_id, answer.question) != wanted:
            raise PasserelleError("query_answer_invalid", "the answer to another question")
        return answer
