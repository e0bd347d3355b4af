"""Checks a proof file under the keys of hub and witnesses, as registry entries state them.

(1) the file's checkpoint is signed by the hub that it names; (2) the event stands in the log of it; (3) as
many enrolled witnesses as demanded cosigned it. Entries name the keys of today: a witness that changed its
signing key since no longer counts for an old file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from passerelle.audit.witnessed import WITNESSES, Signers, check_quorum
from passerelle.checkpoint import Checkpoint
from passerelle.entry_files import entry_files, entry_of
from passerelle.errors import PasserelleError
from passerelle.identity import Role
from passerelle.log_proof import EventProof
from passerelle.manifest import read_manifest
from passerelle.sign import VerifyingKey
from passerelle.tlog_proof import proved, read_proof


@dataclass(frozen=True, slots=True)
class Known:
    """Signing keys of hubs, by the identity that is their log's origin, and of witnesses."""

    hubs: Signers
    witnesses: Signers


def read_known(folder: Path, registry_key: VerifyingKey) -> Known:
    """Hubs and witnesses among a folder's registry entries.

    Raises:
        PasserelleError: `entry_file_invalid`.
        OSError: the folder or a file cannot be read.
    """
    found: dict[Role, dict[str, tuple[VerifyingKey, ...]]] = {role: {} for role in (Role.HUB, *WITNESSES)}
    for one in entry_files(folder):
        entry = one.verified(registry_key)
        with entry_of(one.path):
            keys = read_manifest(entry.manifest, entry.agency).signing_keys if entry.manifest else ()
        for role in found.keys() & set(entry.roles):
            found[role][str(entry.identity(role))] = tuple(one.key for one in keys)
    hubs = found.pop(Role.HUB)
    return Known(hubs, {name: keys for of in found.values() for name, keys in of.items()})


def check_proof(raw: bytes, known: Known, quorum: int) -> EventProof:
    """What a proof file proves.

    Raises:
        PasserelleError: as `passerelle.tlog_proof.proved`; `note_unsigned`, also for another hub's log;
            `witnesses_missing`.
    """
    note, _ = read_proof(raw)
    origin = Checkpoint.parse(note.text).origin
    refusal = PasserelleError("note_unsigned", f"no key of {origin}")
    for key in known.hubs.get(origin, ()):
        try:
            found = proved(raw, origin, key)  # (1) (2)
        except PasserelleError as error:
            if error.code != "note_unsigned":
                raise
            refusal = error
        else:
            check_quorum(note, known.witnesses, quorum)  # (3)
            return found
    raise refusal
