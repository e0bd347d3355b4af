"""Notifications: the same after encoding, signing and sealing; hostile bytes are refused with a code."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.codec.notification import decode_notification, encode_notification
from passerelle.codec.signed import encode_signed
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
from passerelle.notification_seal import open_notification, seal_notifications
from passerelle.seal import Purpose, SealingKey, SealLabel, seal
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
    note = NOTE._replace(relation=relation, band=band, state=state, own_records=own)
    assert decode_notification(encode_notification(note)) == note


def test_the_bytes_of_a_notification_are_the_same_for_ever_whatever_was_written_before() -> None:
    other = NOTE._replace(notification_id=b"o" * 16, agreements=(), purposes=("a", "b"), obligations=())
    for note, digest in (
        (NOTE, "b1d224369ddd28b59ee0b5b471da0ad0da7e8cd7ef087dc360bd37137b76fb1d"),
        (other, "ebbedca734a81200b933e66c9f064379cbd7df5d5cf7f0a310e6d154bcf07562"),
        (NOTE, "b1d224369ddd28b59ee0b5b471da0ad0da7e8cd7ef087dc360bd37137b76fb1d"),
    ):
        assert hashlib.sha256(encode_notification(note)).hexdigest() == digest


@pytest.mark.parametrize(
    "note",
    [
        NOTE._replace(notification_id=b""),
        NOTE._replace(link_id=b"short"),
        NOTE._replace(own_records=(b"short",)),
        NOTE._replace(own_records=(b"r" * 16,) * (MAX_OWN_RECORDS + 1)),
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
OTHER = replace(SIGNED, payload=encode_notification(NOTE._replace(created=5)))


def refused(key: SealingKey, hub: str, agency: str, number: int, sealed: bytes) -> str:
    with pytest.raises(PasserelleError) as caught:
        open_notification(key, hub, agency, number, sealed)
    return caught.value.code


def test_what_was_sealed_opens_under_its_own_number_hub_and_agency_alone() -> None:
    key = SealingKey.generate()
    sealed = seal_notifications(key.public, "hub", "police", {7: SIGNED, 8: OTHER})
    assert open_notification(key, "hub", "police", 7, sealed[7]) == SIGNED
    assert open_notification(key, "hub", "police", 8, sealed[8]) == OTHER
    for hub, agency, number in (("other", "police", 7), ("hub", "customs", 7), ("hub", "police", 8)):
        assert refused(key, hub, agency, number, sealed[7]) == "seal_open_failed"
    for spoilt in (sealed[7][:-1], sealed[7][:1000], b"", sealed[7][:-1] + bytes([sealed[7][-1] ^ 1])):
        assert refused(key, "hub", "police", 7, spoilt) == "seal_open_failed"
    assert refused(SealingKey.generate(), "hub", "police", 7, sealed[7]) == "seal_open_failed"


def test_keys_and_numbers_of_notifications_are_never_used_twice() -> None:
    key = SealingKey.generate()
    one, other = (seal_notifications(key.public, "hub", "police", {7: SIGNED})[7] for _ in range(2))
    assert one[1168:] != other[1168:]


def test_a_notification_of_an_older_hub_opens() -> None:
    key = SealingKey.generate()
    label = SealLabel("hub", (7).to_bytes(8, "big"), "police", Purpose.NOTIFICATION)
    sealed = seal(key.public, label.info(key.public.key_id), encode_signed(SIGNED))
    assert open_notification(key, "hub", "police", 7, sealed) == SIGNED
    assert refused(key, "hub", "police", 8, sealed) == "seal_open_failed"
