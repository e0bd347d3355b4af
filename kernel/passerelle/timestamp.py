"""Timestamps of checkpoints by an authority outside the federation (RFC 3161): that a tree existed by a time.

The authority signs the SHA-512 digest of a checkpoint's text with its own clock. Its certificate must be made
for time stamping alone and lead to the roots that the verifier brings along, at the time stated; a nonce ties
an answer to one request where there is one at hand. Needs the extra `timestamps` (`rfc3161-client`).
"""

from __future__ import annotations

from datetime import UTC
from typing import Final

from cryptography import x509

from passerelle.clock import SECOND
from passerelle.errors import PasserelleError

MAX_ANSWER_BYTES: Final = 64 * 1024


def stamped_at(answer: bytes, text: bytes, roots_pem: bytes, nonce: int | None = None) -> int:
    """When an authority under the roots (PEM) saw a text (microseconds UTC).

    Raises:
        PasserelleError: `timestamp_invalid`; `timestamp_unsupported`, the extra is not installed;
            `certificate_malformed`, the roots.
    """
    try:
        import rfc3161_client as tsp  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise PasserelleError("timestamp_unsupported", "rfc3161-client is not installed") from error
    try:
        roots = x509.load_pem_x509_certificates(roots_pem)
    except ValueError as error:
        raise PasserelleError("certificate_malformed", "roots of the time-stamping authority") from error
    if len(answer) > MAX_ANSWER_BYTES:
        raise PasserelleError("timestamp_invalid", f"{len(answer)} bytes")
    try:
        said = tsp.decode_timestamp_response(answer)
        tsp.VerifierBuilder(roots=list(roots), nonce=nonce).build().verify_message(said, text)
        at = said.tst_info.gen_time
    except (tsp.VerificationError, ValueError, TypeError) as error:
        raise PasserelleError("timestamp_invalid", type(error).__name__) from error
    return int(at.replace(tzinfo=at.tzinfo or UTC).timestamp() * SECOND)
