"""What a trustee makes once, before it is known to anybody: `passerelle.first_keys`, and a second request.

It listens with one leaf and calls hub and other trustees with another (one leaf, one use). Its signing key
signs reports and ceremonies, sub-shares are sealed to its sealing key; the manifest fixes both.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from passerelle.certificate import Usage
from passerelle.clock import Clock
from passerelle.first_keys import FirstFiles, make_first_keys, write_request
from passerelle.identity import Identity
from passerelle.privatefile import make_folder


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
    first = FirstFiles(files.signing, files.manifest, files.tls, files.sealing)
    made = make_first_keys(identity, first, Usage.SERVER, clock)
    make_folder(files.client.parent)
    client = files.tls.with_name("client.csr")
    write_request(client, files.client, identity, Usage.CLIENT)
    return Enrolment(made.manifest, made.request, client)
