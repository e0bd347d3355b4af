"""What a hub makes once, before it is known to anybody: keys, key manifest, certificate request.

Private keys never leave the machine. The manifest goes to the registry, the request to the authority of the
hub's trust domain. What exists stays as it is; only the request is written anew. A second first manifest
would be proof of an incident, so the one that exists is never replaced. Each file appears whole or not at
all.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from passerelle.certificate import Usage
from passerelle.clock import DAY, Clock
from passerelle.codec.signed import encode_signed
from passerelle.csr import make_request, obtain_key
from passerelle.identity import Identity
from passerelle.keyfile import KeyKind, obtain_secret, write_durably
from passerelle.manifest import KeyEntry, issue_first
from passerelle.privatefile import make_folder
from passerelle.sign import SigningKey
from passerelle_hub.index import PEPPER_BYTES

LIFETIME = 366 * DAY
PUBLIC = 0o644


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """Where the hub's keys lie, each in a file of mode 0600."""

    signing: Path
    manifest: Path
    pepper: Path
    tls: Path


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Files for the registry (manifest) and the authority (certificate request)."""

    manifest: Path
    request: Path


def enrol(identity: Identity, files: KeyFiles, clock: Clock) -> Enrolment:
    """Make what is missing.

    Raises:
        PasserelleError: what reading an existing key file raises.
        OSError: the folder is full or read-only.
    """
    for file in (files.signing, files.manifest, files.pepper, files.tls):
        make_folder(file.parent)
    obtain_secret(files.pepper, KeyKind.PEPPER, lambda: secrets.token_bytes(PEPPER_BYTES))
    signing, manifest_key, now = _signing_key(files.signing), _signing_key(files.manifest), clock.now()
    made = Enrolment(files.manifest.with_name("manifest.signed"), files.tls.with_name("leaf.csr"))
    if not made.manifest.exists():
        signs = KeyEntry(signing.public, now, now + LIFETIME)
        first = encode_signed(issue_first(manifest_key, identity, signs))
        write_durably(made.manifest, first, mode=PUBLIC)
    request = make_request(obtain_key(files.tls), identity, Usage.SERVER)
    write_durably(made.request, request, mode=PUBLIC, replace=True)
    return made


def _signing_key(file: Path) -> SigningKey:
    return SigningKey(obtain_secret(file, KeyKind.SIGNING, lambda: SigningKey.generate().raw))
