"""Rotation: new keys for signing and for being sealed to, and the manifest that announces them.

Protocol of `rotate`
(1) take the newest manifest that we signed; (2) make the next signing and sealing key, unless the newest of
the folder are not in it yet, which a crash in an earlier (3) leaves; (3) sign its successor: both new keys
first, of the old ones those that still hold; (4) write it, whole, under its number and never twice.

Two different successors of one manifest are proof of an incident (`passerelle.manifest`, rule 2): (4) never
replaces a file, and (1) goes on from the last one written, published or not. A manifest takes effect when the
registry publishes it in our entry. Until then we sign with the old key (`passerelle_connector.signer`) and
nobody seals to the new one. Old private keys stay in the folder: what was sealed to them is still opened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from passerelle.clock import DAY, Clock
from passerelle.codec.signed import encode_signed
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.keyfile import KeyKind, read_key, write_durably
from passerelle.manifest import KeyEntry, KeyManifest, issue, read_manifest
from passerelle.sign import SigningKey
from passerelle_connector.enrol import SEALING_LIFETIME, SIGNING_LIFETIME
from passerelle_connector.keyring import MANIFEST, newest_keys, next_keys

FIRST: Final = "manifest.signed"
THRESHOLDS: Final = (1, 7, 14, 30)
"""Days before a key ends at which `status` warns."""

_SUCCESSOR: Final = re.compile(r"manifest-([1-9][0-9]*)\.signed")
_PUBLIC_MODE: Final = 0o644


@dataclass(frozen=True, slots=True)
class Ending:
    """A kind of key that ends soon: whole days left, the threshold reached, when (microseconds UTC)."""

    kind: str
    days: int
    threshold: int
    until: int


def manifest_file(keys: Path, sequence: int) -> Path:
    """Where a manifest after the first lies."""
    return keys / f"manifest-{sequence}.signed"


def rotate(identity: Identity, keys: Path, clock: Clock) -> Path:
    """Make the next keys and the manifest for the registry; returns its file.

    Raises:
        PasserelleError: `manifest_malformed` without a first manifest, `manifest_wrong_key`, what reading a
            key file raises.
        OSError: the folder is full or read-only.
    """
    manifest_key = SigningKey(read_key(keys / MANIFEST, KeyKind.SIGNING))
    last, now = last_manifest(keys, identity.agency), clock.now()  # (1)
    signing, sealing = newest_keys(keys)
    signs = signing.public.key_id in {entry.key.key_id for entry in last.signing_keys}
    opens = sealing.public.key_id in {entry.key.key_id for entry in last.sealing_keys}
    signing, sealing = next_keys(keys, signing=signs, sealing=opens)  # (2)
    successor = replace(  # (3)
        last,
        sequence=last.sequence + 1,
        previous=last.digest,
        issued=now,
        expires=now + SIGNING_LIFETIME,
        signing_keys=(
            KeyEntry(signing.public, now, now + SIGNING_LIFETIME),
            *(entry for entry in last.signing_keys if entry.valid_until > now),
        ),
        sealing_keys=(
            KeyEntry(sealing.public, now, now + SEALING_LIFETIME),
            *(entry for entry in last.sealing_keys if entry.valid_until > now),
        ),
    )
    file = manifest_file(keys, successor.sequence)
    write_durably(file, encode_signed(issue(manifest_key, successor)), mode=_PUBLIC_MODE)  # (4)
    return file


def last_manifest(keys: Path, agency: str) -> KeyManifest:
    """The newest manifest in the folder of our own keys, which is trusted as its keys are.

    Raises:
        PasserelleError: `manifest_malformed`, what `passerelle.manifest.read_manifest` raises.
    """
    found = ((_SUCCESSOR.fullmatch(path.name), path) for path in keys.glob("manifest-*.signed"))
    numbered = {int(match[1]): path for match, path in found if match is not None}
    file = numbered[max(numbered)] if numbered else keys / FIRST
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise PasserelleError("manifest_malformed", f"{file.name}: {type(error).__name__}") from error
    return read_manifest(raw, agency)


def endings(manifest: KeyManifest, now: int) -> tuple[Ending, ...]:
    """Which kinds of key end within the largest threshold, by their last key."""
    kinds = {
        "sealing": max((entry.valid_until for entry in manifest.sealing_keys), default=0),
        "signing": max((entry.valid_until for entry in manifest.signing_keys), default=0),
    }
    found: list[Ending] = []
    for kind, until in kinds.items():
        left = max(0, (until - now) // DAY)
        reached = [days for days in THRESHOLDS if until - now <= days * DAY]
        if reached:
            found.append(Ending(kind, left, min(reached), until))
    return tuple(found)
