"""What a connector makes once, before it is known to anybody: keys, key manifest, certificate request.

The manifest and the request go to the registry and the authority; private keys never leave the machine. Each
file appears whole or not at all: half a manifest would be taken for the one that exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from passerelle.certificate import Usage
from passerelle.clock import DAY, Clock
from passerelle.codec.signed import encode_signed
from passerelle.csr import make_request, obtain_key
from passerelle.identity import Identity
from passerelle.keyfile import write_durably
from passerelle.manifest import KeyEntry, issue_first
from passerelle_connector.keyring import make_keys

PUBLIC: Final = 0o644
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
        OSError: the folder is full or read-only.
    """
    manifest_key, signing, sealing = make_keys(keys)
    leaf, now = obtain_key(leaf_key), clock.now()
    signs = KeyEntry(signing.public, now, now + SIGNING_LIFETIME)
    opens = KeyEntry(sealing.public, now, now + SEALING_LIFETIME)
    made = Enrolment(keys / "manifest.signed", keys / "leaf.csr")
    if not made.manifest.exists():  # a second first manifest would be proof of an incident
        first = encode_signed(issue_first(manifest_key, identity, signs, (opens,)))
        write_durably(made.manifest, first, mode=PUBLIC)
    request = make_request(leaf, identity, Usage.CLIENT)
    write_durably(made.request, request, mode=PUBLIC, replace=True)
    return made
