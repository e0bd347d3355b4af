"""The pre-authentication encoding of DSSE, protocol version 1.

Signatures cover the payload's type together with its exact bytes, so that bytes signed as one kind of message
can never be shown as another. Source: secure-systems-lab/dsse, `protocol.md`.
"""

from __future__ import annotations

_PREFIX = b"DSSEv1"


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes to sign: prefix, then type and payload, each behind its decimal length in bytes."""
    kind = payload_type.encode()
    return b"%b %d %b %d %b" % (_PREFIX, len(kind), kind, len(payload), payload)
