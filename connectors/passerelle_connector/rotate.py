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

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from passerelle.clock import DAY, Clock
from passerelle.identity import Identity
from passerelle.keyfile import KeyKind, read_key
from passerelle.manifest import KeyEntry, KeyManifest
from passerelle.manifest_files import last_manifest, write_successor
from passerelle.sign import SigningKey
from passerelle_connector.enrol import SEALING_LIFETIME, SIGNING_LIFETIME
from passerelle_connector.keyring import MANIFEST, newest_keys, next_keys

THRESHOLDS: Final = (1, 7, 14, 30)
"""Days before a key ends at which `status` warns."""


@dataclass(frozen=True, slots=True)
class Ending:
    """A kind of key that ends soon: whole days left, the threshold reached, when (microseconds UTC)."""

    kind: str
    days: int
    threshold: int
    until: int


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
    return write_successor(keys, manifest_key, successor)  # (4)


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
