"""What a trustee makes once, before it is known to anybody: keys, key manifest, certificate requests.

It listens with one leaf and calls hub and other trustees with another (one leaf, one use). Its signing key
signs reports and ceremonies, sub-shares are sealed to its sealing key; the manifest fixes both. Private keys
never leave the machine; what exists stays as it is, and a second first manifest is never made, since it would
be proof of an incident. Each file appears whole or not at all.
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
from passerelle.keyfile import KeyKind, obtain_secret, write_durably
from passerelle.manifest import KeyEntry, issue_first
from passerelle.privatefile import make_folder
from passerelle.seal import SealingKey
from passerelle.sign import SigningKey

LIFETIME: Final = 366 * DAY
PUBLIC: Final = 0o644


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """Where a trustee's keys lie, each in a file of mode 0600."""

    signing: Path
    sealing: Path
    manifest: Path
    tls: Path
    client: Path


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Files for the registry (manifest) and the authority (a request to listen with, one to call with)."""

    manifest: Path
    server: Path
    client: Path


def enrol(identity: Identity, files: KeyFiles, clock: Clock) -> Enrolment:
    """Make what is missing.

    Raises:
        PasserelleError: what reading an existing key file raises.
        OSError: the folder is full or read-only.
    """
    for file in (files.signing, files.sealing, files.manifest, files.tls, files.client):
        make_folder(file.parent)
    signing, manifest_key, now = _signing_key(files.signing), _signing_key(files.manifest), clock.now()
    made = Enrolment(
        files.manifest.with_name("manifest.signed"),
        files.tls.with_name("leaf.csr"),
        files.client.with_name("client.csr"),
    )
    if not made.manifest.exists():
        signs = KeyEntry(signing.public, now, now + LIFETIME)
        opens = KeyEntry(_sealing_key(files.sealing).public, now, now + LIFETIME)
        first = encode_signed(issue_first(manifest_key, identity, signs, (opens,)))
        write_durably(made.manifest, first, mode=PUBLIC)
    server = make_request(obtain_key(files.tls), identity, Usage.SERVER)
    write_durably(made.server, server, mode=PUBLIC, replace=True)
    client = make_request(obtain_key(files.client), identity, Usage.CLIENT)
    write_durably(made.client, client, mode=PUBLIC, replace=True)
    return made


def _signing_key(file: Path) -> SigningKey:
    return SigningKey(obtain_secret(file, KeyKind.SIGNING, lambda: SigningKey.generate().raw))


def _sealing_key(file: Path) -> SealingKey:
    return SealingKey(obtain_secret(file, KeyKind.SEALING, lambda: SealingKey.generate().raw))
