"""Digests of what the hub keeps, as events vouch for them; hub and verifier compute them here.

(1) A *row* is a table's name and named fields. Its digest covers every field under its name, so a field that
    is added later is covered as soon as its writer names it. Large fields stand in it as their SHA-256.
(2) A *record* has a leaf for each revision: H(head, body). The head covers what the history of headers keeps,
    the body what the record's current row, its rows of the index and its wraps say. Both are salted. The root
    over a batch's leaves, in order of their positions, is vouched for by one event.
(3) The decisions of one question are vouched for together, in order of their ids.

A record that was erased lawfully has an event of its own (`record.erased`) under its revision's subject.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias, cast

from passerelle import merkle
from passerelle.canonical import digest, encode, encode_bytes, encode_part
from passerelle.errors import PasserelleError

Value: TypeAlias = "bytes | str | int | float"
Fields: TypeAlias = "Mapping[str, Value]"
SALT_BYTES: Final = 16
_ROW: Final = "passerelle/row/1"
_HEAD: Final = encode("passerelle/record-head/1")
_BODY: Final = b"passerelle/record-body/1\x00"
_LEAF: Final = b"passerelle/record-leaf/1\x00"
_NO_WRAPS: Final = encode(())
_DECISIONS: Final = "passerelle/decisions/1"


class RecordRow(NamedTuple):
    """A record's current row and all that hangs on it.

    `entries` are its rows of the token index, each a mark (16 bytes) and a kind (2), in any order;
    `wraps` are (section, recipient, wrapped) each.
    """

    agency: str
    record_id: bytes
    revision: int
    state: str
    entity: str
    domain: str
    epoch: int
    marking: bytes
    kinds: bytes
    expiry: int
    embargoed: bool
    entries: tuple[bytes, ...]
    wraps: tuple[tuple[str, str, bytes], ...]


def row_digest(table: str, fields: Fields) -> bytes:
    """The digest (32 bytes) of a row (1)."""
    head, names = _shape(table, tuple(fields))
    content = b"".join([encode_bytes(tagged + encode_part(_part(fields[name]))) for name, tagged in names])
    return hashlib.sha256(head + len(content).to_bytes(8, "big") + content).digest()


@lru_cache(maxsize=256)
def _shape(table: str, names: tuple[str, ...]) -> tuple[bytes, tuple[tuple[str, bytes], ...]]:
    """What rows of a table have in common: the beginning of `encode(_ROW, table, fields)`, and the names."""
    return encode(_ROW, table) + b"t", tuple((name, encode(name)) for name in sorted(names))


def notified(
    agency: str, sequence: int, link_id: bytes, created: int, decision: str, key_id: bytes, sealed: bytes
) -> Fields:
    """The fields of a notification's row; its recipient knows all of them and so can compute the digest."""
    return {
        "agency": agency,
        "sequence": sequence,
        "link": link_id,
        "created": created,
        "decision": decision,
        "key_id": key_id,
        "sealed": hashlib.sha256(sealed).digest(),
    }


def decisions_digest(rows: Sequence[bytes]) -> bytes:
    """The digest (32 bytes) of decisions' rows, in order of their ids (3)."""
    return digest(_DECISIONS, tuple(rows))


def record_head(salt: bytes, batch_id: bytes, position: int, header: bytes, decision: str) -> bytes:
    """What a leaf holds of a header and its place (2)."""
    header_digest = encode_bytes(hashlib.sha256(header).digest())
    parts = (_HEAD, encode_bytes(salt), _known(batch_id), _known(position), header_digest, _known(decision))
    return hashlib.sha256(b"".join(parts)).digest()


def record_body(salt: bytes, row: RecordRow) -> bytes:
    """What a leaf holds of a record's current row (2)."""
    parts = (
        _BODY,
        salt,
        _known(row.agency),
        encode_bytes(row.record_id),
        _known(*row[2:9]),  # from its revision to its kinds
        _known(row.expiry, int(row.embargoed)),
        encode_bytes(b"".join(sorted(row.entries))),
        encode(tuple(sorted(row.wraps))) if row.wraps else _NO_WRAPS,
    )
    return hashlib.sha256(b"".join(parts)).digest()


@lru_cache(maxsize=8192, typed=True)
def _known(*parts: bytes | str | int) -> bytes:
    """The encoding of parts, which is that of each, one after the other; most come again and again."""
    return encode(*parts)


def record_leaf(head: bytes, body: bytes) -> bytes:
    """The leaf (32 bytes) of one revision."""
    return hashlib.sha256(_LEAF + head + body).digest()


def records_root(leaves: Sequence[bytes]) -> bytes:
    """The root (32 bytes) over a batch's leaves, in order of their positions."""
    return merkle.root(leaves)


def fields_out(fields: Fields) -> dict[str, Any]:
    """Fields as JSON keeps them without losing their types."""
    return {name: _value_out(value) for name, value in fields.items()}


def fields_in(document: Mapping[str, Any]) -> dict[str, Value]:
    """Fields from JSON.

    Raises:
        PasserelleError: `export_unreadable`.
    """
    return {name: _value_in(value) for name, value in document.items()}


def _part(value: Value) -> bytes | str | int:
    if isinstance(value, float):
        return f"float {value!r}"
    return int(value) if isinstance(value, bool) else value


def _value_out(value: Value) -> Any:
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    return {"float": repr(value)} if isinstance(value, float) else value


def _value_in(value: Any) -> Value:
    try:
        if isinstance(value, dict):
            (kind, text), *more = cast("dict[str, Any]", value).items()
            if not more and kind == "hex":
                return bytes.fromhex(text)
            if not more and kind == "float":
                return float(text)
        elif isinstance(value, (str, int)):
            return value
    except (TypeError, ValueError) as error:
        raise PasserelleError("export_unreadable", "a field") from error
    raise PasserelleError("export_unreadable", "a field of no known type")
