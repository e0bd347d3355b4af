"""What a connector makes once, before it is known to anybody: keys, key manifest, certificate request.

The manifest and the request go to the registry and the authority; private keys never leave the machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from passerelle.certificate import Usage
from passerelle.clock import DAY, Clock
from passerelle.codec.signed import encode_signed
from passerelle.csr import key_pem, make_request, new_key
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.keyfile import read_private, write_private
from passerelle.manifest import KeyEntry, KeyManifest, issue
from passerelle_connector.keyring import make_keys

SIGNING_LIFETIME: Final = 366 * DAY
SEALING_LIFETIME: Final = 62 * DAY
"""Sealing keys rotate monthly; the second month is for what is under way."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Files for the registry (manifest) and the authority (certificate request)."""

    manifest: Path
    request: Path


def enrol(identity: Identity, keys: Path, leaf_key: Path, clock: Clock) -> Enrolment:
    """Make what is missing; existing keys and an existing manifest stay as they are.

    Raises:
        PasserelleError: `key_file_malformed`, what reading an existing key file raises.
    """
    manifest_key, signing, sealing = make_keys(keys)
    if not leaf_key.exists():
        write_private(leaf_key, key_pem(new_key()))
    now = clock.now()
    manifest = KeyManifest(
        agency=identity.agency,
        trust_domain=identity.trust_domain,
        sequence=1,
        issued=now,
        expires=now + SIGNING_LIFETIME,
        manifest_key=manifest_key.public,
        signing_keys=(KeyEntry(signing.public, now, now + SIGNING_LIFETIME),),
        sealing_keys=(KeyEntry(sealing.public, now, now + SEALING_LIFETIME),),
    )
    made = Enrolment(keys / "manifest.signed", keys / "leaf.csr")
    if not made.manifest.exists():  # a second first manifest would be proof of an incident
        made.manifest.write_bytes(encode_signed(issue(manifest_key, manifest)))
    made.request.write_bytes(make_request(_load(leaf_key), identity, Usage.CLIENT))
    return made


def _load(leaf_key: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(read_private(leaf_key), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise PasserelleError("key_file_malformed", f"{leaf_key.name}: no elliptic curve key")
    return key
