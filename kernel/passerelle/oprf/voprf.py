"""The oblivious pseudorandom function of RFC 9497, modes OPRF and VOPRF, suite ristretto255-SHA512.

(1) the client maps its inputs to elements and multiplies each by a fresh blind;
(2) the server multiplies by its key and, in mode VOPRF, proves that it used the key behind its public key;
(3) the client checks the proof, takes the blinds off, and hashes input and element to the output.

A whole batch goes through each step at once; outputs keep the order of the inputs. The threshold protocol
shares steps (1) and (3) and replaces (2). Blinds and inputs never show in a `repr`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from passerelle.errors import PasserelleError
from passerelle.oprf import dleq
from passerelle.oprf.group import SCALAR_BYTES, ristretto255, split
from passerelle.oprf.hashing import Mode, context_string, framed, hash_to_group, hash_to_scalar

OUTPUT_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class BlindedBatch:
    """What the client keeps until the answer comes: n inputs, n blinds (packed scalars), n elements (packed).

    Only `elements` may leave the client.
    """

    mode: Mode
    inputs: tuple[bytes, ...] = field(repr=False)
    blinds: bytes = field(repr=False)
    elements: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The server's answer in mode VOPRF: n elements (packed) and a proof (64 bytes)."""

    elements: bytes
    proof: bytes


def derive_key(seed: bytes, info: bytes, mode: Mode) -> bytes:
    """DeriveKeyPair (RFC 9497, 3.2.1): the secret scalar for a seed of 32 bytes.

    Raises:
        PasserelleError: `oprf_scalar_invalid`: no nonzero scalar came up, which does not happen.
        ValueError: a seed of another length.
    """
    if len(seed) != SCALAR_BYTES:
        raise ValueError("a seed is 32 bytes")
    context = context_string(mode)
    for counter in range(256):
        message = seed + framed(info) + counter.to_bytes(1, "big")
        secret = hash_to_scalar(message, context, b"DeriveKeyPair")
        if any(secret):
            return secret
    raise PasserelleError("oprf_scalar_invalid", "no key came out of the seed")


def blind(inputs: Iterable[bytes], mode: Mode = Mode.VOPRF, blinds: bytes | None = None) -> BlindedBatch:
    """Step (1).

    Args:
        blinds: packed scalars, for vectors and deterministic tests; fresh ones otherwise.

    Raises:
        PasserelleError: `oprf_input_invalid`: no input, or one longer than 65,535 bytes;
            `oprf_element_invalid`: an input maps to the identity, which does not happen.
    """
    items = tuple(inputs)
    if not items:
        raise PasserelleError("oprf_input_invalid", "an empty batch")
    for item in items:
        framed(item)
    group = ristretto255()
    factors = group.random_scalars(len(items)) if blinds is None else blinds
    elements = group.multiply(factors, hash_to_group(items, context_string(mode)))
    return BlindedBatch(mode, items, factors, elements)


def evaluate(secret: bytes, elements: bytes) -> bytes:
    """Step (2) in mode OPRF.

    Raises:
        PasserelleError: `oprf_element_invalid`, naming the position.
    """
    return ristretto255().multiply(secret, elements)


def evaluate_and_prove(secret: bytes, elements: bytes, nonce: bytes | None = None) -> Evaluation:
    """Step (2) in mode VOPRF; `nonce` is for vectors only.

    Raises:
        PasserelleError: `oprf_element_invalid`, naming the position.
    """
    evaluated = evaluate(secret, elements)
    transcript = dleq.RfcTranscript(context_string(Mode.VOPRF))
    proof = dleq.prove(secret, dleq.public_key(secret), elements, evaluated, transcript, nonce)
    return Evaluation(evaluated, proof)


def verify(public: bytes, batch: BlindedBatch, evaluation: Evaluation) -> bytes:
    """The check of step (3): the evaluated elements, packed.

    Raises:
        PasserelleError: `oprf_proof_invalid`.
    """
    transcript = dleq.RfcTranscript(context_string(Mode.VOPRF))
    return dleq.verify(public, batch.elements, evaluation.elements, evaluation.proof, transcript)


def finalise(batch: BlindedBatch, evaluated: bytes) -> tuple[bytes, ...]:
    """The rest of step (3): one output of 64 bytes for each input, in order.

    Raises:
        PasserelleError: `oprf_element_invalid`; `oprf_input_invalid`: not one element for each input.
    """
    if len(evaluated) != len(batch.elements):
        raise PasserelleError("oprf_input_invalid", "as many answers as inputs")
    group = ristretto255()
    unblinded = split(group.multiply(group.invert(batch.blinds), evaluated))
    return tuple(_output(item, element) for item, element in zip(batch.inputs, unblinded, strict=True))


def _output(item: bytes, element: bytes) -> bytes:
    return hashlib.sha512(framed(item) + framed(element) + b"Finalize").digest()
