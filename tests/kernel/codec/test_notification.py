"""Notifications: the same after encoding, signing and sealing; hostile bytes are refused with a code."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.codec.notification import decode_notification, encode_notification
from passerelle.errors import PasserelleError
from passerelle.notification import (
    DIRECTOR,
    MAX_OWN_RECORDS,
    Agreement,
    Band,
    LinkState,
    Notification,
    Relation,
)
from passerelle.notification_seal import open_notification, seal_notification
from passerelle.seal import SealingKey
from passerelle.sign import Signature, Signed

NOTE = Notification(
    notification_id=b"n" * 16,
    link_id=b"l" * 16,
    recipient="police",
    created=1,
    own_records=(b"r" * 16,),
    counterpart="coordinator",
    visibility=DIRECTOR,
    relation=Relation.SAME_PERSON,
    band=Band.STRONG,
    state=LinkState.NOTIFIED,
    agreements=(Agreement("surname", "exact", 1.5),),
    odds=">=8:1",
    handling="H1",
    urgency="routine",
    purposes=("counter_terrorism",),
    legal_basis="law",
    actions=("confirm",),
    obligations=("visibility=director",),
    decision_id="d",
    policy_revision="r",
    weights="w",
    threat_level=3,
    deadline=2,
    contact="desk",
    expiry=3,
)


@given(st.sampled_from(Relation), st.sampled_from(Band), st.sampled_from(LinkState), st.integers(0, 3))
def test_a_notification_survives_its_encoding(
    relation: Relation, band: Band, state: LinkState, records: int
) -> None:
    own = tuple(bytes([at]) * 16 for at in range(records))
    note = replace(NOTE, relation=relation, band=band, state=state, own_records=own)
    assert decode_notification(encode_notification(note)) == note


@pytest.mark.parametrize(
    "note",
    [
        replace(NOTE, notification_id=b""),
        replace(NOTE, link_id=b"short"),
        replace(NOTE, own_records=(b"short",)),
        replace(NOTE, own_records=(b"r" * 16,) * (MAX_OWN_RECORDS + 1)),
    ],
)
def test_a_malformed_notification_is_refused(note: Notification) -> None:
    with pytest.raises(PasserelleError) as caught:
        decode_notification(encode_notification(note))
    assert caught.value.code == "notification_invalid"


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 255))
def test_any_bytes_are_read_or_refused_with_a_code(raw: bytes, place: int, value: int) -> None:
    spoilt = bytearray(encode_notification(NOTE))
    spoilt[place % len(spoilt)] = value
    for given_bytes in (raw, bytes(spoilt)):
        try:
            assert len(decode_notification(given_bytes).link_id) == 16
        except PasserelleError as error:
            assert error.code == "notification_invalid"


SIGNED = Signed("type", encode_notification(NOTE), Signature(b"key", b"classical", b"lattice"))


def test_what_was_sealed_opens_under_its_own_number_hub_and_agency_alone() -> None:
    key = SealingKey.generate()
    sealed = seal_notification(key.public, "hub", "police", 7, SIGNED)
    assert open_notification(key, "hub", "police", 7, sealed) == SIGNED
    for hub, agency, number in (("other", "police", 7), ("hub", "customs", 7), ("hub", "police", 8)):
        with pytest.raises(PasserelleError) as caught:
            open_notification(key, hub, agency, number, sealed)
        assert caught.value.code == "seal_open_failed"
