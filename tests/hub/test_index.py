"""The marks of the index: HMAC as it is defined, and nothing that runs into its neighbour."""

from __future__ import annotations

import hashlib
import hmac
import struct

import pytest

from passerelle_hub.index import PEPPER_BYTES, Pepper, pack_kinds, split, unpack_kinds

SECRET = bytes(range(PEPPER_BYTES))
ROWS = [kind.to_bytes(2, "big") + hashlib.sha256(b"%d" % kind).digest()[:16] for kind in (1, 2, 300)]


def test_a_mark_is_hmac_sha256_over_domain_epoch_kind_and_token_cut_to_16_bytes() -> None:
    said = struct.pack(">HI", 3, 7) + b"ter"
    marks = [hmac.digest(SECRET, said + row, hashlib.sha256)[:16] for row in ROWS]
    entries = Pepper(SECRET).marker("ter", 7)(ROWS)
    assert entries == tuple(mark + row[:2] for mark, row in zip(marks, ROWS, strict=True))
    assert split(b"".join(marks)) == marks


def test_marks_differ_by_pepper_domain_and_epoch() -> None:
    peppers = Pepper(SECRET), Pepper(bytes(PEPPER_BYTES))
    found = {pepper.marker(*of)(ROWS) for pepper in peppers for of in (("ter", 7), ("ter", 8), ("te", 7))}
    assert len(found) == 6
    with pytest.raises(ValueError, match="32 bytes"):
        Pepper(b"short")


def test_kinds_are_packed_once_each_and_in_order() -> None:
    assert pack_kinds((300, 2, 2, 1)) == b"\x00\x01\x00\x02\x01\x2c"
    assert unpack_kinds(pack_kinds((300, 2, 2, 1))) == {1, 2, 300}
