"""What is tokenised: one unambiguous byte string for a value and everything it depends on.

Two values that differ in domain, epoch, kind, normaliser or bytes never share an input, so the token of a
phone number tells nothing of a document of the same digits, and a new version of normalisation starts tokens
of its own. The key already separates domain, identifier group and epoch; repeating them here keeps tokens
apart should one key ever be dealt twice.
"""

from __future__ import annotations

from typing import Final

from passerelle import canonical
from passerelle.errors import PasserelleError
from passerelle.oprf.hashing import MAX_INPUT
from passerelle.oprf.voprf import OUTPUT_BYTES

LABEL: Final = "passerelle/oprf-input/1"
TOKEN_BYTES: Final = 16


def oprf_input(domain: str, epoch: int, kind: int, normaliser: str, value: bytes) -> bytes:
    """The input for one normalised value.

    Args:
        kind: the id of the match key in the catalogue.
        normaliser: the version of the normalisation protocol, such as `norm/1`.

    Raises:
        PasserelleError: `oprf_input_invalid`: longer than 65,535 bytes, or an empty value.
    """
    encoded = canonical.encode(LABEL, domain, epoch, kind, normaliser, value)
    if not value or len(encoded) > MAX_INPUT:
        raise PasserelleError("oprf_input_invalid", f"a value of {len(value)} bytes")
    return encoded


def token(output: bytes) -> bytes:
    """The token (16 bytes) of an output (64 bytes).

    Raises:
        ValueError: another length.
    """
    if len(output) != OUTPUT_BYTES:
        raise ValueError("an output is 64 bytes")
    return output[:TOKEN_BYTES]
