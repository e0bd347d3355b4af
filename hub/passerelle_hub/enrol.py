"""What a hub makes once, before it is known to anybody: `passerelle.first_keys`, and its pepper."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from passerelle.certificate import Usage
from passerelle.clock import Clock
from passerelle.first_keys import FirstFiles, FirstKeys, make_first_keys
from passerelle.identity import Identity
from passerelle.keyfile import KeyKind, obtain_secret
from passerelle.privatefile import make_folder
from passerelle_hub.index import PEPPER_BYTES


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """Where the hub's keys lie, each in a file of mode 0600."""

    signing: Path
    manifest: Path
    pepper: Path
    tls: Path


def enrol(identity: Identity, files: KeyFiles, clock: Clock) -> FirstKeys:
    """Make what is missing.

    Raises:
        PasserelleError: what reading an existing key file raises.
        OSError: the folder is full or read-only.
    """
    make_folder(files.pepper.parent)
    obtain_secret(files.pepper, KeyKind.PEPPER, lambda: secrets.token_bytes(PEPPER_BYTES))
    first = FirstFiles(files.signing, files.manifest, files.tls)
    return make_first_keys(identity, first, Usage.SERVER, clock)
