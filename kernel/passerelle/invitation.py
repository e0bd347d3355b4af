"""Invitations: where a newcomer enrols. Nothing in one is secret, and nothing in one is believed.

Rules
-----
1. An invitation travels over any channel. What makes it good is the fingerprint of its root, told over a
   channel on which both sides know each other: without one, or with another one, it is refused.
2. The fingerprint is the SHA-256 of the root certificate (DER), in groups of four hexadecimal digits; spaces,
   colons and case do not count. All 64 digits are compared: a shortened one could be forged.
3. Address and identities are not covered. A wrong address meets another root and is no connection; a wrong
   identity is not the one that the code was made for.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final, cast

from cryptography.hazmat.primitives import hashes

from passerelle import whole_json
from passerelle.canonical import digest
from passerelle.certificate import read_chain
from passerelle.errors import PasserelleError
from passerelle.identity import Identity

MAX_INVITATION: Final = 16 * 1024
_FIELDS: Final = ("address", "authority", "identity", "root")
_GROUP: Final = 4


@dataclass(frozen=True, slots=True)
class Invitation:
    """The authority (role pki) and its `host:port`, the identity to enrol, the root (PEM)."""

    authority: Identity
    address: str
    identity: Identity
    root: bytes

    def to_bytes(self) -> bytes:
        """The file's content."""
        fields = {
            "address": self.address,
            "authority": str(self.authority),
            "identity": str(self.identity),
            "root": self.root.decode("ascii"),
        }
        return (json.dumps(fields, indent=2, sort_keys=True) + "\n").encode("ascii")

    @classmethod
    def from_bytes(cls, raw: bytes) -> Invitation:
        """Read a file's content.

        Raises:
            PasserelleError: `invitation_malformed`, `identity_malformed`, `certificate_malformed`.
        """
        try:
            fields = cast("dict[str, Any]", whole_json.loads(raw)) if len(raw) <= MAX_INVITATION else {}
            if sorted(fields) != sorted(_FIELDS) or not all(
                isinstance(fields[name], str) for name in _FIELDS
            ):
                raise PasserelleError("invitation_malformed", "fields")
            made = cls(
                authority=Identity.parse(fields["authority"]),
                address=fields["address"],
                identity=Identity.parse(fields["identity"]),
                root=fields["root"].encode("ascii"),
            )
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise PasserelleError("invitation_malformed", type(error).__name__) from error
        if len(read_chain(made.root)) != 1:
            raise PasserelleError("invitation_malformed", "not exactly one root")
        return made

    def check(self, fingerprint: str) -> None:
        """Compare with the fingerprint that was told (rules 1 and 2).

        Raises:
            PasserelleError: `fingerprint_missing`, `fingerprint_wrong`.
        """
        if not fingerprint.strip():
            raise PasserelleError("fingerprint_missing", "none given")
        if _plain(fingerprint) != _plain(root_fingerprint(self.root)):
            raise PasserelleError("fingerprint_wrong", "another root")


def root_fingerprint(root_pem: bytes) -> str:
    """The fingerprint of a root (PEM), in groups.

    Raises:
        PasserelleError: `certificate_malformed`.
    """
    return grouped(read_chain(root_pem)[0].fingerprint(hashes.SHA256()).hex())


def request_digest(request: bytes, manifest: bytes) -> bytes:
    """What newcomer and second operator compare: 32 bytes over request (PEM) and signed manifest."""
    return digest("passerelle/enrolment/1", request, manifest)


def grouped(digits: str) -> str:
    """Digits as people compare them."""
    return " ".join(digits[at : at + _GROUP] for at in range(0, len(digits), _GROUP))


def _plain(text: str) -> str:
    return re.sub(r"[\s:-]", "", text).lower()
