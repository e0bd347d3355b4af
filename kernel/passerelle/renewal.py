"""Requests for renewal: a party asks its trust domain's authority for a leaf, signed by its manifest key.

Rules
-----
1. The manifest key signs, with both algorithms. It is registered with the party's entry, lies apart from TLS
   and outlives every leaf, so a party that was away for a month renews as one that was not.
2. A request is addressed to one authority by its identity and holds for `FRESH` either side of its time, once
   (`nonce`). Whoever records one and repeats it elsewhere or later gains nothing.
3. The encoding is JSON with sorted keys, without spaces, the nonce in hexadecimal. Bytes that are not in that
   one encoding are refused; they are verified before they are parsed.
4. The certificate request inside proves possession of the leaf's key; identity and usage stand in both, and
   the authority compares them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, cast

from passerelle import whole_json
from passerelle.certificate import Usage
from passerelle.clock import SECOND
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.sign import Signed, SigningKey, VerifyingKey, sign, verify

RENEWAL_TYPE: Final = "application/vnd.passerelle.leaf-renewal.v1+json"
MAX_RENEWAL_BYTES: Final = 8 * 1024
NONCE_BYTES: Final = 16
FRESH: Final = 300 * SECOND


@dataclass(frozen=True, slots=True)
class RenewalRequest:
    """What is signed. `request` is a certificate request (PEM text), `at` microseconds UTC, `nonce` 16 bytes.

    Raises:
        PasserelleError: `renewal_malformed`.
    """

    authority: Identity
    identity: Identity
    usage: Usage
    request: str
    at: int
    nonce: bytes

    def __post_init__(self) -> None:
        if len(self.nonce) != NONCE_BYTES or self.at < 0 or not self.request.isascii():
            raise PasserelleError("renewal_malformed", "nonce, time or request")

    def to_bytes(self) -> bytes:
        """The one encoding (rule 3)."""
        fields = {
            "at": self.at,
            "authority": str(self.authority),
            "identity": str(self.identity),
            "nonce": self.nonce.hex(),
            "request": self.request,
            "usage": str(self.usage),
        }
        return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode("ascii")

    @classmethod
    def from_bytes(cls, raw: bytes) -> RenewalRequest:
        """Read an encoding whose signature was verified before.

        Raises:
            PasserelleError: `renewal_malformed`, `identity_malformed`.
        """
        if len(raw) > MAX_RENEWAL_BYTES:
            raise PasserelleError("renewal_malformed", f"{len(raw)} bytes")
        try:
            fields = cast("dict[str, Any]", whole_json.loads(raw))
            made = cls(
                authority=Identity.parse(fields["authority"]),
                identity=Identity.parse(fields["identity"]),
                usage=Usage(fields["usage"]),
                request=fields["request"],
                at=fields["at"],
                nonce=bytes.fromhex(fields["nonce"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise PasserelleError("renewal_malformed", type(error).__name__) from error
        if type(made.at) is not int or made.to_bytes() != raw:
            raise PasserelleError("renewal_malformed", "not in its one encoding")
        return made

    def check_fresh(self, now: int) -> None:
        """Check that the request was made around `now` (rule 2).

        Raises:
            PasserelleError: `renewal_stale`.
        """
        if abs(now - self.at) > FRESH:
            raise PasserelleError("renewal_stale", f"{(now - self.at) // SECOND} seconds old")


def sign_renewal(key: SigningKey, request: RenewalRequest) -> Signed:
    """The request, signed by the party's manifest key."""
    return sign(key, RENEWAL_TYPE, request.to_bytes())


def verify_renewal(signed: Signed, manifest_key: VerifyingKey) -> RenewalRequest:
    """The request inside, once the manifest key is shown to have signed it.

    Raises:
        PasserelleError: what `passerelle.sign.verify` raises, `renewal_malformed`, `identity_malformed`.
    """
    return RenewalRequest.from_bytes(verify(signed, manifest_key, RENEWAL_TYPE))
