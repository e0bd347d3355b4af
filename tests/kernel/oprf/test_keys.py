"""Shares and public keys: consistent or refused, in memory and as documents."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.oprf.group import ORDER, ristretto255, scalar
from passerelle.oprf.keys import (
    MAX_TRUSTEES,
    Dealt,
    GroupKeyInfo,
    KeyShare,
    check_quorum,
    deal,
    effective_shares,
)
from passerelle.oprf.pinned import Ceremony, GroupKeys
from passerelle.oprf.shamir import lagrange, shares_of

OTHER = ristretto255().multiply_base(scalar(99))


def _int(value: bytes) -> int:
    return int.from_bytes(value, "little")


@settings(deadline=None)
@given(st.lists(st.integers(0, ORDER - 1), min_size=2, max_size=4), st.data())
def test_every_quorum_finds_the_secret(coefficients: list[int], data: st.DataObject) -> None:
    shares = shares_of(b"".join(map(scalar, coefficients)), 5)
    quorum = tuple(sorted(data.draw(st.permutations(range(1, 6)))[: len(coefficients)]))
    found = sum(_int(lagrange(quorum, index)) * _int(shares[index - 1]) for index in quorum) % ORDER
    assert found == coefficients[0]


def test_a_factor_needs_distinct_indices_with_its_own_among_them() -> None:
    for quorum, index in (((1, 1), 1), ((1, 2), 3)):
        with pytest.raises(ValueError, match="distinct"):
            lagrange(quorum, index)


def test_a_dealt_key_is_consistent(dealt: Dealt) -> None:
    assert dealt.info.trustees == 3
    assert [share.index for share in dealt.shares] == [1, 2, 3]
    assert dealt.info.label == "test/phone epoch 3 generation 1"
    assert repr(dealt.shares[0].secret) not in repr(dealt.shares[0])


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 4), st.integers(0, 2), st.data())
def test_an_inconsistent_public_side_is_refused(threshold: int, more: int, data: st.DataObject) -> None:
    info = deal(
        "d", Group.EMAIL, 1, 1, threshold, ristretto255().random_scalars(threshold), threshold + more
    ).info
    at = data.draw(st.integers(0, info.trustees))
    elements = [info.public_key, *info.public_shares]
    elements[at] = OTHER
    with pytest.raises(PasserelleError, match="group_key_invalid"):
        replace(info, public_key=elements[0], public_shares=tuple(elements[1:]))


@pytest.mark.parametrize(
    "change",
    [
        {"domain": ""},
        {"domain": "x" * 129},
        {"epoch": 0},
        {"generation": 2**31},
        {"threshold": 1},
        {"threshold": 4},
        {"public_key": b"short"},
        {"public_key": bytes(32)},
        {"public_shares": (OTHER,) * (MAX_TRUSTEES + 1)},
    ],
    ids=str,
)
def test_fields_out_of_range_are_refused(dealt: Dealt, change: dict[str, Any]) -> None:
    with pytest.raises(PasserelleError, match="group_key_invalid"):
        replace(dealt.info, **change)


def test_a_share_belongs_to_its_public_share(dealt: Dealt) -> None:
    secret = dealt.shares[0].secret
    for index, value in ((2, secret), (0, secret), (4, secret), (1, secret[:31])):
        with pytest.raises(PasserelleError, match="share_file_invalid"):
            KeyShare(dealt.info, index, value)


def test_dealing_needs_as_many_coefficients_as_the_threshold() -> None:
    with pytest.raises(ValueError, match="threshold"):
        deal("d", Group.EMAIL, 1, 1, 3, scalar(1) * 2, 3)


@pytest.mark.parametrize("quorum", [(), (1,), (1, 2, 3), (2, 1), (1, 1), (0, 1), (1, 4), (-1, 2)], ids=str)
def test_quorums_that_are_refused(dealt: Dealt, quorum: tuple[int, ...]) -> None:
    with pytest.raises(PasserelleError, match="quorum_invalid"):
        check_quorum(dealt.info, quorum)
    with pytest.raises(PasserelleError, match="quorum_invalid"):
        effective_shares(dealt.info, quorum)


def test_a_key_that_a_quorum_misses_does_not_pass_silently(dealt: Dealt) -> None:
    """`GroupKeyInfo` refuses such a key itself; the second check must hold alone."""
    wrong = replace(dealt.info)
    object.__setattr__(wrong, "public_key", OTHER)
    with pytest.raises(PasserelleError, match="group_key_invalid"):
        effective_shares(wrong, (1, 2))


def test_a_document_reads_back(dealt: Dealt) -> None:
    assert GroupKeyInfo.from_json(dealt.info.to_json()) == dealt.info
    keys = GroupKeys(Ceremony.DEVELOPMENT, (dealt.info,))
    assert GroupKeys.from_json(keys.to_json()) == keys
    assert dealt.shares[0].secret.hex() not in keys.to_json()


def _documents(info: GroupKeyInfo) -> dict[str, str]:
    good = info.to_document()
    text = json.dumps(good)
    changes: dict[str, dict[str, Any]] = {
        "format": {"format": "other"},
        "group": {"group": "shoe size"},
        "boolean": {"epoch": True},
        "text for number": {"epoch": "3"},
        "number for text": {"domain": 3},
        "no list": {"public_shares": "00"},
        "upper case": {"public_key": good["public_key"].upper()},
        "no hexadecimal": {"public_key": "zz"},
        "unknown member": {"more": 1},
    }
    documents = {name: json.dumps({**good, **change}) for name, change in changes.items()}
    return documents | {
        "missing member": json.dumps({name: good[name] for name in good if name != "epoch"}),
        "repeated member": text.replace("{", '{"epoch": 3, ', 1),
        "no object": "[]",
        "no JSON": text[:-1],
        "deep": "[" * 100_000,
    }


def test_bad_documents_are_refused(dealt: Dealt) -> None:
    for name, document in _documents(dealt.info).items():
        with pytest.raises(PasserelleError, match="group_key_invalid"):
            pytest.fail(f"{name}: {GroupKeyInfo.from_json(document)}")


def test_bad_collections_are_refused(dealt: Dealt) -> None:
    good = json.loads(GroupKeys(Ceremony.DEVELOPMENT, (dealt.info,)).to_json())
    twice = {**good, "keys": good["keys"] * 2}
    documents: tuple[object, ...] = (
        twice,
        {**good, "ceremony": "seance"},
        {**good, "keys": 1},
        {**good, "keys": [1]},
        [],
    )
    for document in documents:
        with pytest.raises(PasserelleError, match="group_key_invalid"):
            GroupKeys.from_json(json.dumps(document))


def test_a_key_is_found_by_domain_group_and_epoch(dealt: Dealt) -> None:
    keys = GroupKeys(Ceremony.DEVELOPMENT, (dealt.info,))
    assert keys.find("test", Group.PHONE, 3) is dealt.info
    for domain, group, epoch in (
        ("demo", Group.PHONE, 3),
        ("test", Group.EMAIL, 3),
        ("test", Group.PHONE, 2),
    ):
        with pytest.raises(PasserelleError, match="group_key_unknown"):
            keys.find(domain, group, epoch)
