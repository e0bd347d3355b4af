"""Identities: who a certificate speaks for, as one SPIFFE URI.

Rules
-----
1. The only accepted form is `spiffe://<trust domain>/<role>/<agency>`: no port, user, query, fragment,
   percent escape, capital or further path segment. One identity has exactly one spelling, so texts can be
   compared.
2. A trust domain is a DNS name, an agency a single DNS label. The name of a server can therefore be
   derived from its identity (`server_name`) and nobody chooses it.
3. An agency's name means nothing without its trust domain: two authorities can each name an agency `customs`.
   `passerelle.registry_entry` ties the two together.

The form is SPIFFE-ID (section 2), narrowed to what the rules above need.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from passerelle.errors import PasserelleError

SCHEME: Final = "spiffe://"
MAX_TRUST_DOMAIN: Final = 128
MAX_AGENCY: Final = 63
MAX_URI: Final = 256

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_AGENCY: Final = re.compile(_LABEL, re.ASCII)
_TRUST_DOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)


class Role(StrEnum):
    """What an identity may act as; a role's letters are those of the URI."""

    HUB = "hub"
    CONNECTOR = "connector"
    TRUSTEE = "trustee"
    OPERATOR = "operator"
    PKI = "pki"
    SUPERVISOR = "supervisor"
    WITNESS = "witness"


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """One party of the federation; `str()` is its URI.

    `trust_domain` is a DNS name of at most 128 characters, `agency` a DNS label of at most 63.

    Raises:
        PasserelleError: `identity_malformed`.
    """

    trust_domain: str
    role: Role
    agency: str

    def __post_init__(self) -> None:
        check_trust_domain(self.trust_domain)
        check_agency(self.agency)

    @classmethod
    def parse(cls, uri: str) -> Identity:
        """The identity that a URI spells.

        Raises:
            PasserelleError: `identity_malformed`; the detail names the part and never repeats the text.
        """
        if len(uri) > MAX_URI or not uri.startswith(SCHEME):
            raise PasserelleError("identity_malformed", "no SPIFFE URI, or a longer one than allowed")
        parts = uri.removeprefix(SCHEME).split("/")
        if len(parts) != 3:
            raise PasserelleError("identity_malformed", "the path is not role and agency")
        trust_domain, role, agency = parts
        try:
            return cls(trust_domain, Role(role), agency)
        except ValueError:
            raise PasserelleError("identity_malformed", "unknown role") from None

    @property
    def server_name(self) -> str:
        """The one DNS name of this party's server leaf: `<agency>.<role>.<trust domain>`.

        It is never looked up. A client that expects an identity asks TLS for this name and trusts only the
        roots of the identity's trust domain, which pins the identity (`passerelle.rpc.channel`).
        """
        return f"{self.agency}.{self.role}.{self.trust_domain}"

    def __str__(self) -> str:
        return f"{SCHEME}{self.trust_domain}/{self.role}/{self.agency}"


def check_trust_domain(text: str) -> None:
    """Check a trust domain.

    Raises:
        PasserelleError: `identity_malformed`.
    """
    if len(text) > MAX_TRUST_DOMAIN or _TRUST_DOMAIN.fullmatch(text) is None:
        raise PasserelleError("identity_malformed", "trust domain is not a lower-case DNS name")


def check_agency(text: str) -> None:
    """Check an agency's name.

    Raises:
        PasserelleError: `identity_malformed`.
    """
    if len(text) > MAX_AGENCY or _AGENCY.fullmatch(text) is None:
        raise PasserelleError("identity_malformed", "agency is not a lower-case DNS label")
