"""Proofs that two lists of elements share one discrete logarithm (Chaum-Pedersen, batched, non-interactive).

The prover shows that B = k·G and D_i = k·C_i for all i, without showing k:

(1) both sides draw weights from a hash and form M = Σ d_i·C_i and Z = Σ d_i·D_i;
(2) the prover draws r, commits to r·G and r·M, takes the challenge c from a hash of both, and answers s = r
    - c·k;
(3) the verifier forms s·G + c·B and s·M + c·Z and must arrive at the same challenge.

Two transcripts share these steps:

- `RfcTranscript` is RFC 9497, 2.2, to the letter. There the weight of a pair depends on that pair, its
  position and B alone. A prover can therefore try many wrong answers for each position on its own and
  combine them so that the errors cancel in M and Z: a generalised birthday search (Wagner, CRYPTO 2002) over
  n lists, which gets cheap as n grows; for n = 4,096 its formula gives about 2^32 steps. It serves the RFC's
  vectors and small batches.
- `BoundTranscript` is ours and serves the threshold protocol. Its weights come from a hash of the whole
  statement (a context, B, all C, all D), so that changing one answer changes all weights. They have 128
  bits, which leaves a cheat 2^-128 (the small exponents test; Bellare, Garay, Rabin, EUROCRYPT 1998).

A proof is 64 bytes, challenge then response, both canonical scalars. Public data only may be verified in
variable time.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Protocol

from passerelle import canonical
from passerelle.errors import PasserelleError
from passerelle.oprf.group import SCALAR_BYTES, check_scalar, ristretto255, split
from passerelle.oprf.hashing import framed, hash_to_scalar

PROOF_BYTES: Final = 2 * SCALAR_BYTES
WEIGHT_BYTES: Final = 16


class Transcript(Protocol):
    """Where weights and challenges come from."""

    def weights(self, public: bytes, c: bytes, d: bytes) -> bytes:
        """One nonzero scalar for each pair, packed."""
        ...

    def challenge(self, public: bytes, m: bytes, z: bytes, t2: bytes, t3: bytes) -> bytes:
        """One scalar from the composites and the commitments."""
        ...


@dataclass(frozen=True, slots=True)
class RfcTranscript:
    """RFC 9497, 2.2; `context` is its context string."""

    context: bytes

    def weights(self, public: bytes, c: bytes, d: bytes) -> bytes:
        seed = framed(hashlib.sha512(framed(public) + framed(b"Seed-" + self.context)).digest())
        return b"".join(
            hash_to_scalar(
                seed + at.to_bytes(2, "big") + framed(left) + framed(right) + b"Composite", self.context
            )
            for at, (left, right) in enumerate(zip(split(c), split(d), strict=True))
        )

    def challenge(self, public: bytes, m: bytes, z: bytes, t2: bytes, t3: bytes) -> bytes:
        parts = b"".join(map(framed, (public, m, z, t2, t3)))
        return hash_to_scalar(parts + b"Challenge", self.context)


@dataclass(frozen=True, slots=True)
class BoundTranscript:
    """Our variant; `context` is a canonical encoding of everything the statement is about, under a label."""

    context: bytes

    def weights(self, public: bytes, c: bytes, d: bytes) -> bytes:
        statement = canonical.encode("passerelle/oprf/weights/1", self.context, public, c, d)
        drawn = hashlib.shake_256(statement).digest(len(c) // SCALAR_BYTES * WEIGHT_BYTES)
        upper = bytes(SCALAR_BYTES - WEIGHT_BYTES)
        return b"".join(part + upper for part in split(drawn, WEIGHT_BYTES))

    def challenge(self, public: bytes, m: bytes, z: bytes, t2: bytes, t3: bytes) -> bytes:
        parts = canonical.encode("passerelle/oprf/challenge/1", self.context, public, m, z, t2, t3)
        return hash_to_scalar(parts, b"passerelle/oprf/1")


def public_key(secret: bytes) -> bytes:
    """k·G."""
    return ristretto255().multiply_base(secret)


def prove(
    secret: bytes, public: bytes, c: bytes, d: bytes, transcript: Transcript, nonce: bytes | None = None
) -> bytes:
    """A proof (64 bytes) that `d` is `secret` times `c`, item by item.

    Args:
        public: k·G, given because callers have it.
        nonce: the scalar r, for vectors only; one r in two proofs gives the secret away.
    """
    group = ristretto255()
    m = group.weighted_sum(transcript.weights(public, c, d), c)  # (1)
    z = group.multiply(secret, m)
    r = nonce or group.random_scalars(1)  # (2)
    challenge = transcript.challenge(public, m, z, group.multiply_base(r), group.multiply(r, m))
    return challenge + group.scalar_subtract(r, group.scalar_multiply(challenge, secret))


def verify(public: bytes, c: bytes, d: bytes, proof: bytes, transcript: Transcript) -> bytes:
    """The elements of `d`, once the proof shows that they are `c` times the logarithm of `public`.

    Raises:
        PasserelleError: `oprf_proof_invalid`, whatever is wrong with the proof or the elements.
    """
    try:
        expected = _challenge(public, c, d, proof, transcript)
    except PasserelleError as error:
        raise PasserelleError("oprf_proof_invalid", error.detail) from error
    if expected != proof[:SCALAR_BYTES]:
        raise PasserelleError("oprf_proof_invalid", "another challenge")
    return d


def _challenge(public: bytes, c: bytes, d: bytes, proof: bytes, transcript: Transcript) -> bytes:
    if len(proof) != PROOF_BYTES or len(c) != len(d):
        raise PasserelleError("oprf_proof_invalid", "a proof or a column of another length")
    challenge, response = (check_scalar(part) for part in split(proof, SCALAR_BYTES))
    group = ristretto255()
    weights = transcript.weights(public, c, d)  # (1)
    m, z = group.weighted_sum(weights, c), group.weighted_sum(weights, d)
    t2 = group.add(group.multiply_base(response), group.multiply(challenge, public))  # (3)
    t3 = group.weighted_sum(response + challenge, m + z)
    return transcript.challenge(public, m, z, t2, t3)
