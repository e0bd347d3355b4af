"""Agreed group keys: believed once every trustee confirmed the same, and never before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from passerelle.agreed_keys import (
    CONFIRMATION_TYPE,
    AgreedKeys,
    Confirmation,
    is_agreed,
    keys_digest,
    newest,
)
from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.oprf.group import ristretto255
from passerelle.oprf.keys import deal
from passerelle.oprf.pinned import Ceremony, GroupKeys
from passerelle.sign import Signed, SigningKey, sign, verify

TRUSTEES = {1: "oversight", 2: "university", 3: "commission"}
KEYS = {agency: SigningKey.generate() for agency in TRUSTEES.values()}


def made(generation: int = 1, ceremony: Ceremony = Ceremony.DISTRIBUTED) -> GroupKeys:
    dealt = deal("ter", Group.PHONE, 1, generation, 2, ristretto255().random_scalars(2), 3)
    return GroupKeys(ceremony, (dealt.info,))


def confirmation(keys: GroupKeys, index: int) -> Confirmation:
    return Confirmation(TRUSTEES[index], index, bytes(16), keys_digest(keys), bytes(32))


def signed(said: Confirmation, key: SigningKey | None = None) -> Signed:
    return sign(key or KEYS[said.trustee], CONFIRMATION_TYPE, said.encode())


def check(agency: str, message: Signed, payload_type: str) -> bytes:
    return verify(message, KEYS[agency].public, payload_type)


def agreed(keys: GroupKeys) -> AgreedKeys:
    return AgreedKeys(keys, tuple(signed(confirmation(keys, index)) for index in TRUSTEES))


def refused(document: AgreedKeys, trustees: Mapping[int, str] = TRUSTEES) -> str:
    with pytest.raises(PasserelleError) as refusal:
        AgreedKeys.from_json(document.to_json()).verified(trustees, check)
    return refusal.value.code


def test_keys_that_all_confirmed_are_believed() -> None:
    keys = made()
    text = agreed(keys).to_json()
    assert is_agreed(text)
    assert AgreedKeys.from_json(text).verified(TRUSTEES, check) == keys


def test_one_missing_repeated_or_foreign_confirmation_refuses_all() -> None:
    keys = made()
    whole = agreed(keys)
    first, second, _third = whole.confirmations
    stranger = signed(confirmation(keys, 3), SigningKey.generate())
    assert refused(replace(whole, confirmations=(first, second))) == "group_keys_unconfirmed"
    assert refused(replace(whole, confirmations=(first, second, second))) == "group_keys_unconfirmed"
    assert refused(replace(whole, confirmations=(first, second, stranger))) == "signature_wrong_key"
    assert refused(whole, {**TRUSTEES, 3: "somebody"}) == "group_keys_unconfirmed"
    assert refused(whole, {1: "oversight", 2: "university"}) == "group_keys_unconfirmed"


def test_confirmations_of_other_keys_or_other_ceremonies_are_refused() -> None:
    keys, other = made(), made()
    whole = agreed(keys)
    elsewhere = signed(replace(confirmation(keys, 3), transcript=b"x" * 32))
    assert refused(replace(whole, keys=other)) == "group_keys_unconfirmed"
    assert (
        refused(replace(whole, confirmations=(*whole.confirmations[:2], elsewhere)))
        == "group_keys_unconfirmed"
    )


def test_keys_of_a_dealer_cannot_be_dressed_up() -> None:
    keys = made(ceremony=Ceremony.DEVELOPMENT)
    assert refused(agreed(keys)) == "group_key_invalid"


@pytest.mark.parametrize("field", ["keys", "confirmations", "format"])
def test_a_document_that_is_none_is_refused(field: str) -> None:
    fields = json.loads(agreed(made()).to_json())
    fields[field] = "?"
    with pytest.raises(PasserelleError) as refusal:
        AgreedKeys.from_json(json.dumps(fields))
    assert refusal.value.code == "group_key_invalid"


def test_of_several_documents_the_newest_generation_counts() -> None:
    old, new = made(1), made(2)
    assert newest((new, old)).keys == new.keys
    assert newest((old,)) == old
    with pytest.raises(PasserelleError):
        newest((old, made(ceremony=Ceremony.DEVELOPMENT)))
