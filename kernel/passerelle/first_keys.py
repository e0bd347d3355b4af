"""What hub, trustee and supervisor make once, before they are known to anybody: keys, manifest, request.

Private keys never leave the machine. The manifest goes to the registry, the request to the authority of the
party's trust domain. What exists stays as it is; only the request is written anew. A second first manifest
would be proof of an incident, so the one that exists is never replaced. Each file appears whole or not at
all.
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
_PUBLIC: Final = 0o644


@dataclass(frozen=True, slots=True)
class FirstFiles:
    """Where the keys lie, each in a file of mode 0600; `sealing` for a party that is sealed to."""

    signing: Path
    manifest: Path
    tls: Path
    sealing: Path | None = None


@dataclass(frozen=True, slots=True)
class FirstKeys:
    """Files for the registry (manifest) and the authority (certificate request)."""

    manifest: Path
    request: Path


def make_first_keys(identity: Identity, files: FirstFiles, usage: Usage, clock: Clock) -> FirstKeys:
    """Make what is missing.

    Raises:
        PasserelleError: what reading an existing key file raises.
        OSError: the folder is full or read-only.
    """
    for file in (files.signing, files.manifest, files.tls):
        make_folder(file.parent)
    signing, manifest_key, now = _signing_key(files.signing), _signing_key(files.manifest), clock.now()
    made = FirstKeys(files.manifest.with_name("manifest.signed"), files.tls.with_name("leaf.csr"))
    if not made.manifest.exists():
        signs = KeyEntry(signing.public, now, now + LIFETIME)
        opens = (KeyEntry(_sealing_key(files.sealing).public, now, now + LIFETIME),) if files.sealing else ()
        first = encode_signed(issue_first(manifest_key, identity, signs, opens))
        write_durably(made.manifest, first, mode=_PUBLIC)
    write_request(made.request, files.tls, identity, usage)
    return made


def write_request(request: Path, tls: Path, identity: Identity, usage: Usage) -> None:
    """Write a certificate request for a TLS key, which is made first where there is none.

    Raises:
        PasserelleError: what reading an existing key file raises.
        OSError: the folder is full or read-only.
    """
    write_durably(request, make_request(obtain_key(tls), identity, usage), mode=_PUBLIC, replace=True)


def _signing_key(file: Path) -> SigningKey:
    return SigningKey(obtain_secret(file, KeyKind.SIGNING, lambda: SigningKey.generate().raw))


def _sealing_key(file: Path) -> SealingKey:
    make_folder(file.parent)
    return SealingKey(obtain_secret(file, KeyKind.SEALING, lambda: SealingKey.generate().raw))
