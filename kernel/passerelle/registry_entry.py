"""Registry entries: what the operator of the registry vouches for about one party of the federation.

Rules
-----
1. An entry is signed by the registry's key over its exact bytes; they are verified before they are parsed.
2. An entry ties an agency's name to one trust domain, its roots and the roles it may act in. An agency's
   authority can therefore issue nothing for another agency, whatever names it mints.
3. Entries of an agency are ordered by `revision`; whoever holds one refuses an older one
   (`passerelle.federation`).
4. The encoding is JSON with sorted keys and base64 for bytes; unknown, missing or oddly typed fields are
   refused.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, cast

from passerelle import whole_json
from passerelle.certificate import read_chain
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role, check_agency, check_trust_domain
from passerelle.sign import Signed, SigningKey, VerifyingKey, sign, verify

PAYLOAD_TYPE: Final = "application/vnd.passerelle.registry-entry.v1+json"
MAX_ENTRY_BYTES: Final = 128 * 1024
MAX_NAME: Final = 120


class Status(StrEnum):
    """Whether the agency takes part. Suspension is reversible; a removed name stays taken."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class RegistryEntry:
    """One party: an agency with its connector, a trustee, a supervisor or a hub.

    `roots_pem` are the roots of its trust domain (1 to 4), `manifest` the party's signed key manifest as
    encoded bytes (empty for a party that signs and receives nothing), `revision` counts from 1, `issued`
    is microseconds UTC.

    Raises:
        PasserelleError: `registry_entry_invalid`, `identity_malformed`, `certificate_malformed`.
    """

    agency: str
    trust_domain: str
    roles: tuple[Role, ...]
    name: str
    roots_pem: bytes
    manifest: bytes
    status: Status
    revision: int
    issued: int

    def __post_init__(self) -> None:
        check_agency(self.agency)
        check_trust_domain(self.trust_domain)
        read_chain(self.roots_pem)
        if not self.roles or list(self.roles) != sorted(set(self.roles)):
            raise PasserelleError("registry_entry_invalid", "roles are empty or not in order")
        if not 0 < len(self.name) <= MAX_NAME or not self.name.isprintable():
            raise PasserelleError("registry_entry_invalid", "name")
        if self.revision < 1 or self.issued < 0:
            raise PasserelleError("registry_entry_invalid", "revision or time")

    def identity(self, role: Role) -> Identity:
        """The identity of this party in one of its roles.

        Raises:
            PasserelleError: `registry_entry_invalid`, a role it does not have.
        """
        if role not in self.roles:
            raise PasserelleError("registry_entry_invalid", f"{self.agency} is no {role}")
        return Identity(self.trust_domain, role, self.agency)


def sign_entry(key: SigningKey, entry: RegistryEntry) -> Signed:
    """The entry, signed by the registry."""
    return sign(key, PAYLOAD_TYPE, encode_entry(entry))


def verify_entry(signed: Signed, registry_key: VerifyingKey) -> RegistryEntry:
    """The entry inside, once its signature holds.

    Raises:
        PasserelleError: what `passerelle.sign.verify` raises, `registry_entry_invalid`, `identity_malformed`,
            `certificate_malformed`.
    """
    return decode_entry(verify(signed, registry_key, PAYLOAD_TYPE))


def encode_entry(entry: RegistryEntry) -> bytes:
    """The bytes to sign (rule 4)."""
    fields = {
        "agency": entry.agency,
        "issued": entry.issued,
        "manifest": base64.b64encode(entry.manifest).decode("ascii"),
        "name": entry.name,
        "revision": entry.revision,
        "roles": [str(role) for role in entry.roles],
        "roots": base64.b64encode(entry.roots_pem).decode("ascii"),
        "status": str(entry.status),
        "trust_domain": entry.trust_domain,
    }
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def decode_entry(payload: bytes) -> RegistryEntry:
    """Read verified bytes.

    Raises:
        PasserelleError: `registry_entry_invalid`, `identity_malformed`, `certificate_malformed`.
    """
    if len(payload) > MAX_ENTRY_BYTES:
        raise PasserelleError("registry_entry_invalid", f"{len(payload)} bytes")
    try:
        fields = cast("dict[str, Any]", whole_json.loads(payload))
        entry = RegistryEntry(
            agency=_text(fields, "agency"),
            trust_domain=_text(fields, "trust_domain"),
            roles=tuple(Role(role) for role in fields["roles"]),
            name=_text(fields, "name"),
            roots_pem=base64.b64decode(_text(fields, "roots"), validate=True),
            manifest=base64.b64decode(_text(fields, "manifest"), validate=True),
            status=Status(_text(fields, "status")),
            revision=_number(fields, "revision"),
            issued=_number(fields, "issued"),
        )
    except (KeyError, ValueError, TypeError, RecursionError, binascii.Error) as error:
        raise PasserelleError("registry_entry_invalid", type(error).__name__) from error
    if encode_entry(entry) != payload:
        raise PasserelleError("registry_entry_invalid", "not in its one encoding")
    return entry


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _number(fields: dict[str, Any], name: str) -> int:
    value = fields[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(name)
    return value
