"""What a batch's signature covers: headers, tokens, recipients.

(1) The headers' exact bytes are the leaves of an RFC 6962 tree; the signed statement holds its root. A header
    and its path stay verifiable alone, long after the batch is gone.
(2) A header holds a salted commitment to its record's tokens. The salt (32 random bytes) goes to the hub
    beside them: without it, a thief of headers could test guesses against the commitment.
(3) The statement holds a digest of the key-encryption wraps, so nobody can strip or add a recipient.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from operator import add
from struct import Struct
from typing import Final

from passerelle import merkle
from passerelle.canonical import digest
from passerelle.errors import PasserelleError
from passerelle.record import TOKEN_BYTES, KekWrap

SALT_BYTES: Final = 32
_TOKENS: Final = b"passerelle/tokens/1\x00"
_RECIPIENTS: Final = "passerelle/recipients/1"


def batch_root(headers: Sequence[bytes]) -> bytes:
    """Root (32 bytes) over the headers, in order (1)."""
    return merkle.root(headers)


def header_paths(headers: Sequence[bytes]) -> tuple[tuple[bytes, ...], ...]:
    """The inclusion path of every header, in order; the tree is hashed once."""
    return tuple(merkle.root_and_paths(headers)[1])


def verify_header(header: bytes, index: int, records: int, path: Sequence[bytes], root: bytes) -> None:
    """Check that a header stands at `index` of a batch whose verified statement names `records` and `root`.

    Raises:
        PasserelleError: `proof_malformed`, `proof_invalid`.
    """
    merkle.verify_inclusion(header, index, records, path, root)


def token_commitment(salt: bytes, kinds: Sequence[int], tokens: bytes) -> bytes:
    """Commitment (32 bytes) to a record's tokens (2), whatever their order.

    `kinds` are uint16, one for each 16-byte token packed in `tokens`.

    Raises:
        PasserelleError: `tokens_malformed`.
    """
    return commitment_of(salt, token_rows(kinds, tokens))


def token_rows(kinds: Sequence[int], tokens: bytes) -> list[bytes]:
    """A record's tokens one by one, each behind its kind (18 bytes), in their order.

    Raises:
        PasserelleError: `tokens_malformed`.
    """
    if len(tokens) != len(kinds) * TOKEN_BYTES:
        raise PasserelleError("tokens_malformed", f"{len(kinds)} kinds, {len(tokens)} bytes")
    heads, cut = _shape(tuple(kinds))
    return list(map(add, heads, cut.unpack(tokens)))


@lru_cache(maxsize=4096)  # the hub asks for kinds that its catalogue allows together, and so for short ones
def _shape(kinds: tuple[int, ...]) -> tuple[tuple[bytes, ...], Struct]:
    """What records with the same kinds have in common: heads of their rows, and how to cut their tokens."""
    try:
        heads = tuple(kind.to_bytes(2, "big") for kind in kinds)
    except OverflowError as error:
        raise PasserelleError("tokens_malformed", "a kind is no uint16") from error
    return heads, Struct(f"{TOKEN_BYTES}s" * len(kinds))


def commitment_of(salt: bytes, rows: Sequence[bytes]) -> bytes:
    """The commitment (32 bytes) over rows as `token_rows` gives them, whatever their order.

    Raises:
        PasserelleError: `tokens_malformed`, another salt than 32 bytes.
    """
    if len(salt) != SALT_BYTES:
        raise PasserelleError("tokens_malformed", f"a salt of {len(salt)} bytes")
    # Prefix and salt have fixed lengths, rows too: the concatenation has one reading only.
    return hashlib.sha256(b"".join((_TOKENS, salt, *sorted(rows)))).digest()


def recipient_digest(keks: Sequence[KekWrap]) -> bytes:
    """Digest (32 bytes) of a batch's recipients and their wraps (3), whatever their order.

    Raises:
        PasserelleError: `recipient_repeated`.
    """
    rows = sorted((kek.recipient, kek.key_id, kek.sealed) for kek in keks)
    if len({kek.recipient for kek in keks}) != len(rows):
        raise PasserelleError("recipient_repeated", f"{len(rows)} wraps")
    return digest(_RECIPIENTS, *rows)
