"""Digests of rows: as the rule states them, and the same as ever."""

from __future__ import annotations

import hashlib
from typing import Any

from passerelle.audit.rows import Fields, row_digest
from passerelle.canonical import encode

FIELDS: Fields = {
    "sequence": 7,
    "agency": "police",
    "sealed": b"\0\xff",
    "bits": 1.5,
    "allow": True,
    "long": "x" * 300,
}


def test_a_row_is_its_table_and_each_field_under_its_name() -> None:
    written: dict[str, Any] = {**FIELDS, "bits": "float 1.5", "allow": 1}
    fields = tuple(encode(name) + encode(written[name]) for name in sorted(written))
    assert row_digest("some", FIELDS) == hashlib.sha256(encode("passerelle/row/1", "some", fields)).digest()


def test_the_digest_of_a_row_is_the_same_for_ever() -> None:
    assert (
        row_digest("some", FIELDS).hex() == "3891337f690676db92809fbf6f5627a29057bfb3af08c44d12d21e4b624cea3d"
    )
