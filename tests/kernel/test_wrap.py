"""Wraps open where they belong and nowhere else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.errors import PasserelleError
from passerelle.record import KekWrap
from passerelle.seal import Purpose, SealingKey, SealLabel, seal
from passerelle.section import SectionLabel
from passerelle.wrap import WRAP_BYTES, Kek, unwrap_kek, unwrap_section_key, wrap_kek, wrap_section_key

VECTOR: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "envelope-1.json").read_text("utf-8")
)
RECIPIENT = SealingKey(bytes(range(96)))
KEK = Kek(bytes(range(32)))
SECRET = bytes(range(100, 132))
LABEL = SectionLabel("customs", bytes(range(16)), 2, "identity")
BATCH = SealLabel("customs", bytes(range(16)), "police", Purpose.BATCH)


def test_the_whole_way() -> None:
    sealed = wrap_kek(KEK, RECIPIENT.public, BATCH)
    wrapped = wrap_section_key(KEK, SECRET, LABEL)
    assert (sealed.recipient, sealed.key_id) == ("police", RECIPIENT.public.key_id)
    assert len(sealed.sealed) == 1168
    assert len(wrapped) == WRAP_BYTES
    kek = unwrap_kek(RECIPIENT, sealed, BATCH)
    assert kek == KEK
    assert unwrap_section_key(kek, wrapped, LABEL) == SECRET


def test_the_format_is_frozen() -> None:
    row = VECTOR["wrap"]
    label = SectionLabel(row["agency"], bytes.fromhex(row["record_id"]), row["revision"], row["name"])
    kek = Kek(bytes.fromhex(row["kek"]))
    assert wrap_section_key(kek, bytes.fromhex(row["section_key"]), label).hex() == row["wrapped"]


@pytest.mark.parametrize(
    "label",
    [
        replace(LABEL, agency="police"),
        replace(LABEL, record_id=bytes(16)),
        replace(LABEL, revision=3),
        replace(LABEL, name="source"),
    ],
    ids=["agency", "record", "revision", "section"],
)
def test_a_relabelled_section_wrap_is_refused(label: SectionLabel) -> None:
    with pytest.raises(PasserelleError) as error:
        unwrap_section_key(KEK, wrap_section_key(KEK, SECRET, LABEL), label)
    assert error.value.code == "wrap_mislabelled"


@pytest.mark.parametrize(
    "label",
    [
        replace(BATCH, sender="coast-guard"),
        replace(BATCH, subject=bytes(16)),
        replace(BATCH, recipient="customs"),
        replace(BATCH, purpose=Purpose.GRANT),
    ],
    ids=["agency", "batch", "recipient", "purpose"],
)
def test_a_relabelled_kek_wrap_is_refused(label: SealLabel) -> None:
    wrap = wrap_kek(KEK, RECIPIENT.public, BATCH)
    for shown in (wrap, replace(wrap, recipient=label.recipient)):
        with pytest.raises(PasserelleError) as error:
            unwrap_kek(RECIPIENT, shown, label)
        assert error.value.code == "wrap_mislabelled"


def test_a_wrap_for_another_key_says_so() -> None:
    wrap = wrap_kek(KEK, RECIPIENT.public, BATCH)
    with pytest.raises(PasserelleError) as error:
        unwrap_kek(SealingKey.generate(), wrap, BATCH)
    assert error.value.code == "wrap_wrong_key"
    other = SealingKey.generate()
    with pytest.raises(PasserelleError) as error:
        unwrap_kek(other, replace(wrap, key_id=other.public.key_id), BATCH)
    assert error.value.code == "wrap_mislabelled"


def test_a_sealed_key_of_another_length_is_no_kek() -> None:
    sealed = seal(RECIPIENT.public, BATCH.info(RECIPIENT.public.key_id), bytes(31))
    with pytest.raises(PasserelleError) as error:
        unwrap_kek(RECIPIENT, KekWrap("police", RECIPIENT.public.key_id, sealed), BATCH)
    assert error.value.code == "wrap_mislabelled"


def test_another_kek_opens_nothing() -> None:
    with pytest.raises(PasserelleError) as error:
        unwrap_section_key(Kek.generate(), wrap_section_key(KEK, SECRET, LABEL), LABEL)
    assert error.value.code == "wrap_mislabelled"


@given(st.integers(0, WRAP_BYTES - 1), st.integers(0, 7))
def test_no_bit_may_change_and_no_byte_be_lost(at: int, bit: int) -> None:
    wrapped = wrap_section_key(KEK, SECRET, LABEL)
    flipped = wrapped[:at] + bytes([wrapped[at] ^ 1 << bit]) + wrapped[at + 1 :]
    for changed in (flipped, wrapped[:at], wrapped + b"x"):
        with pytest.raises(PasserelleError) as error:
            unwrap_section_key(KEK, changed, LABEL)
        assert error.value.code == "wrap_mislabelled"


def test_a_nonce_never_meets_two_plaintexts() -> None:
    """Equal arguments give equal bytes; whatever differs, the nonce differs."""
    wrapped = wrap_section_key(KEK, SECRET, LABEL)
    assert wrap_section_key(KEK, SECRET, LABEL) == wrapped
    others = [
        wrap_section_key(KEK, bytes(32), LABEL),
        *(wrap_section_key(KEK, SECRET, replace(LABEL, revision=at)) for at in range(3, 40)),
        *(wrap_section_key(KEK, SECRET, replace(LABEL, name=name)) for name in ("source", "circumstances")),
    ]
    assert len({item[:12] for item in (wrapped, *others)}) == len(others) + 1


def test_keys_of_other_lengths_are_refused() -> None:
    with pytest.raises(PasserelleError) as error:
        Kek(bytes(31))
    assert error.value.code == "key_malformed"
    with pytest.raises(PasserelleError) as error:
        wrap_section_key(KEK, bytes(16), LABEL)
    assert error.value.code == "key_malformed"


def test_secrets_never_show() -> None:
    assert repr(KEK.secret) not in repr(KEK)
