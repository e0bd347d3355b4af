"""Padding: every kind of token that a record shows, it shows in a count that says little.

A kind that is present is filled up to `KeyKind.padded` with dummies; an absent kind stays absent, because
the hub must tell *absent* from *different*. What the hub learns of a count is its order of magnitude.

Dummies are HMAC-SHA256(local secret, record ‖ protocol ‖ kind ‖ position), cut to 16 bytes:
indistinguishable from tokens without the secret, equal to no other record's, and the same in each revision
of a record, so that comparing revisions does not tell them from tokens. They cost one HMAC each and no
evaluation; at the hub they match nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from passerelle.catalogue import Catalogue
from passerelle.record import TOKEN_BYTES

Token = tuple[int, bytes]


def pad(
    catalogue: Catalogue, secret: bytes, record_id: bytes, protocol: str, tokens: Iterable[Token]
) -> tuple[tuple[int, ...], bytes]:
    """Tokens (kind id, 16 bytes) and dummies as packed columns, sorted by kind, then token.

    Raises:
        PasserelleError: `key_kind_unknown`.
    """
    by_kind: dict[int, set[bytes]] = {}
    for kind_id, token in tokens:
        by_kind.setdefault(kind_id, set()).add(token)
    context = record_id + protocol.encode() + b"\x00"
    for kind_id, found in by_kind.items():
        wanted = catalogue.kind(kind_id).padded(len(found))
        for position in range(wanted - len(found)):
            place = context + kind_id.to_bytes(2, "big") + position.to_bytes(2, "big")
            found.add(hmac.digest(secret, place, hashlib.sha256)[:TOKEN_BYTES])
    ordered = [(kind_id, token) for kind_id in sorted(by_kind) for token in sorted(by_kind[kind_id])]
    return tuple(kind_id for kind_id, _ in ordered), b"".join(token for _, token in ordered)
