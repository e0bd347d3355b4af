"""Questions to a hub in one process, made of words as `hub_kit` makes records."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace

from hub_kit import DOMAIN, FakeAgency, HubKit, token
from parties import HUB

from passerelle.catalogue import catalogue
from passerelle.codec.query import decode_answer, encode_question
from passerelle.groups import EntityKind
from passerelle.query import ANSWER_TYPE, QUESTION_TYPE, Answer, Question
from passerelle.sign import Signed, sign, verify


def question(asker: FakeAgency, words: Mapping[str, str], **changes: object) -> Question:
    """A question of a named analyst, with one made-up token per key kind named."""
    names = {catalogue().named(name).id: word for name, word in words.items()}
    kinds = tuple(sorted(names))
    asked = Question(
        audience=str(HUB),
        agency=asker.name,
        connector=str(asker.identity),
        query_id=os.urandom(16),
        created=asker.clock.now(),
        domain=DOMAIN,
        epoch=1,
        normaliser="norm/1",
        catalogue=catalogue().version,
        purpose="counter_terrorism",
        legal_basis="be_ter_2024",
        case_reference="c-1",
        user="u-17",
        clearance=3,
        channel="automatic",
        entity=EntityKind.PERSON,
        age_band="adult",
        subject_category="suspect",
        special_categories=(),
        kinds=kinds,
        tokens=b"".join(token(kind, names[kind]) for kind in kinds),
    )
    return replace(asked, **changes)  # type: ignore[arg-type]  # field names are checked by the call itself


def signed_question(agency: FakeAgency, asked: Question) -> Signed:
    """As the agency signs it."""
    return sign(agency.signing, QUESTION_TYPE, encode_question(asked))


def ask(hub: HubKit, asker: FakeAgency, words: Mapping[str, str], **changes: object) -> Answer:
    """The verified answer to a question."""
    signed = signed_question(asker, question(asker, words, **changes))
    raw = verify(
        hub.core.queries.answer(signed, asker.identity),
        hub.core.foundation.signing_key.public,
        ANSWER_TYPE,
    )
    answer = decode_answer(raw)
    assert answer.question == hashlib.sha256(signed.payload).digest()
    return answer
