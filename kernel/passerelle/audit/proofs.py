"""Checks a proof file under the keys of the hub that its checkpoint names, as registry entries state them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from passerelle.checkpoint import Checkpoint
from passerelle.codec.signed import decode_signed
from passerelle.errors import PasserelleError
from passerelle.identity import Role
from passerelle.log_proof import EventProof
from passerelle.manifest import read_manifest
from passerelle.registry_entry import verify_entry
from passerelle.sign import VerifyingKey
from passerelle.tlog_proof import proved, read_proof

Signers = Mapping[str, tuple[VerifyingKey, ...]]
"""The signing keys of hubs, by the identity that is their log's origin."""


def hub_signers(folder: Path, registry_key: VerifyingKey) -> Signers:
    """The hubs among a folder's registry entries.

    Raises:
        PasserelleError: what makes an entry or its manifest unbelievable.
    """
    found: dict[str, tuple[VerifyingKey, ...]] = {}
    for file in sorted(folder.glob("*.entry")):
        entry = verify_entry(decode_signed(file.read_bytes()), registry_key)
        if Role.HUB in entry.roles:
            keys = read_manifest(entry.manifest, entry.agency).signing_keys
            found[str(entry.identity(Role.HUB))] = tuple(one.key for one in keys)
    return found


def check_proof(raw: bytes, signers: Signers) -> EventProof:
    """What a proof file proves.

    Raises:
        PasserelleError: as `passerelle.tlog_proof.proved`; `note_unsigned`, also for another hub's log.
    """
    note, _ = read_proof(raw)
    origin = Checkpoint.parse(note.text).origin
    refusal = PasserelleError("note_unsigned", f"no key of {origin}")
    for key in signers.get(origin, ()):
        try:
            return proved(raw, origin, key)
        except PasserelleError as error:
            if error.code != "note_unsigned":
                raise
            refusal = error
    raise refusal
