"""Hybrid signatures: Ed25519 (RFC 8032) and ML-DSA-65 (FIPS 204), both mandatory.

Rules
-----
1. Both algorithms sign the same bytes: the DSSE pre-authentication encoding of payload type and exact
   payload.
2. A signature holds only if both parts are there and both verify. A forger must break both algorithms.
3. Verification needs a key the caller already trusts. The key id inside a signature is a claim that selects a
   key and is checked against it; it never supplies one.
4. `verify` returns the payload, so that callers parse only what was verified.
5. `sign_many` signs several payloads of one type at once: what is signed is the root of the RFC 6962 tree
   whose leaves they are, under a type of its own; each payload carries its place. So a root is never taken
   for a payload nor a payload for a root. Places tell how many payloads were signed together: sign together
   only what one receiver may count.

Signatures are randomised by ML-DSA (hedged), so two signatures of one payload differ. Keys are immutable and
safe to share between threads. Costs: sign 1.1 ms, verify 0.3 ms.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey, MLDSA65PublicKey

from passerelle import merkle
from passerelle.dsse import pae
from passerelle.errors import PasserelleError

PRIVATE_BYTES: Final = 64
PUBLIC_BYTES: Final = 1984
_CLASSICAL: Final = 32
"""Length of both Ed25519 keys in bytes; the ML-DSA-65 key follows (seed of 32, public key of 1,952)."""
_TREE: Final = "+tree"
_SIZE_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class TreePlace:
    """Where a payload stands among those signed together: index, number of them, path (32 bytes a hash)."""

    index: int
    size: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """Both parts of a signature and the id of the key that claims to have made them.

    `key_id` is 32 bytes, `ed25519` 64, `ml_dsa_65` 3,309. `place` is None for a payload signed alone.
    """

    key_id: bytes
    ed25519: bytes
    ml_dsa_65: bytes
    place: TreePlace | None = None


@dataclass(frozen=True, slots=True)
class Signed:
    """Exact bytes and their signature; nothing of it is verified until `verify` returned."""

    payload_type: str
    payload: bytes
    signature: Signature


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key pair: `raw` is Ed25519 (32 bytes), then ML-DSA-65 (1,952); `key_id` the SHA-256 of both.

    Raises:
        PasserelleError: `key_malformed`.
    """

    raw: bytes = field(repr=False)
    key_id: bytes = field(init=False, compare=False)
    ed25519: Ed25519PublicKey = field(init=False, repr=False, compare=False)
    ml_dsa: MLDSA65PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.raw) != PUBLIC_BYTES:
            raise PasserelleError("key_malformed", f"verifying key of {len(self.raw)} bytes")
        object.__setattr__(self, "key_id", hashlib.sha256(self.raw).digest())
        object.__setattr__(self, "ed25519", Ed25519PublicKey.from_public_bytes(self.raw[:_CLASSICAL]))
        object.__setattr__(self, "ml_dsa", MLDSA65PublicKey.from_public_bytes(self.raw[_CLASSICAL:]))


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key pair: `raw` is the Ed25519 seed, then the ML-DSA-65 seed, 32 bytes each.

    Raises:
        PasserelleError: `key_malformed`.
    """

    raw: bytes = field(repr=False)
    public: VerifyingKey = field(init=False, compare=False)
    ed25519: Ed25519PrivateKey = field(init=False, repr=False, compare=False)
    ml_dsa: MLDSA65PrivateKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.raw) != PRIVATE_BYTES:
            raise PasserelleError("key_malformed", f"signing key of {len(self.raw)} bytes")
        classical = Ed25519PrivateKey.from_private_bytes(self.raw[:_CLASSICAL])
        lattice = MLDSA65PrivateKey.from_seed_bytes(self.raw[_CLASSICAL:])
        public = classical.public_key().public_bytes_raw() + lattice.public_key().public_bytes_raw()
        object.__setattr__(self, "ed25519", classical)
        object.__setattr__(self, "ml_dsa", lattice)
        object.__setattr__(self, "public", VerifyingKey(public))

    @classmethod
    def generate(cls) -> SigningKey:
        """A fresh key from the library's random generator."""
        classical = Ed25519PrivateKey.generate().private_bytes_raw()
        return cls(classical + MLDSA65PrivateKey.generate().private_bytes_raw())


def sign(key: SigningKey, payload_type: str, payload: bytes) -> Signed:
    """Sign exact bytes as a message of one type."""
    return Signed(payload_type, payload, _mark(key, pae(payload_type, payload)))


def sign_many(key: SigningKey, payload_type: str, payloads: Sequence[bytes]) -> tuple[Signed, ...]:
    """Sign several messages of one type for the price of one signature, in order (rule 5)."""
    if len(payloads) < 2:
        return tuple(sign(key, payload_type, payload) for payload in payloads)
    root, paths = merkle.root_and_paths(payloads)
    size = len(payloads)
    mark = _mark(key, _tree_message(payload_type, size, root))
    parts = mark.key_id, mark.ed25519, mark.ml_dsa_65
    return tuple(
        Signed(payload_type, payload, Signature(*parts, TreePlace(at, size, path)))
        for at, (payload, path) in enumerate(zip(payloads, paths, strict=True))
    )


def verify(signed: Signed, key: VerifyingKey, payload_type: str) -> bytes:
    """The payload, once it is shown to be a message of `payload_type` signed by `key`, alone or with others.

    Raises:
        PasserelleError: `signature_missing_classical`, `signature_missing_post_quantum`,
            `signature_wrong_key`, `signature_wrong_type`, `signature_invalid`.
    """
    mark = signed.signature
    if not mark.ed25519:
        raise PasserelleError("signature_missing_classical", payload_type)
    if not mark.ml_dsa_65:
        raise PasserelleError("signature_missing_post_quantum", payload_type)
    if mark.key_id != key.key_id:
        raise PasserelleError("signature_wrong_key", f"signed by {mark.key_id.hex()[:16]}")
    if signed.payload_type != payload_type:
        raise PasserelleError("signature_wrong_type", f"{payload_type} expected")
    message, part = _message(signed), "Ed25519"
    try:
        key.ed25519.verify(mark.ed25519, message)
        part = "ML-DSA-65"
        key.ml_dsa.verify(mark.ml_dsa_65, message)
    except InvalidSignature as error:
        raise PasserelleError("signature_invalid", part) from error
    return signed.payload


def _mark(key: SigningKey, message: bytes) -> Signature:
    return Signature(key.public.key_id, key.ed25519.sign(message), key.ml_dsa.sign(message))


def _message(signed: Signed) -> bytes:
    """The bytes that the signature must cover: the payload's own, or its tree's."""
    place = signed.signature.place
    if place is None:
        return pae(signed.payload_type, signed.payload)
    try:
        root = merkle.root_from_path(signed.payload, place.index, place.size, place.path)
    except PasserelleError as error:
        raise PasserelleError("signature_invalid", "no such place in a tree") from error
    return _tree_message(signed.payload_type, place.size, root)


def _tree_message(payload_type: str, size: int, root: bytes) -> bytes:
    return pae(payload_type + _TREE, size.to_bytes(_SIZE_BYTES, "big") + root)
