"""Proofs of inclusion as files (C2SP tlog-proof): they prove an event to whoever has the hub's keys, offline.

    c2sp.org/tlog-proof@v1
    extra <base64>              the event and its place inside its tick, JSON
    index <tick>                the leaf
    <base64>                    a line a hash, from the leaf's sibling upwards
                                an empty line, then the checkpoint as it was signed

A leaf of the log is the root of a tick, so the extra data say how the event gives that root; they are part of
what is proved, and a file whose extra data are changed proves nothing. Reading verifies nothing; `proved`
does, and returns what it found.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Final

from passerelle.checkpoint import Checkpoint, verify_checkpoint
from passerelle.errors import PasserelleError
from passerelle.log_proof import EventProof, verify_log_proof
from passerelle.note import MAX_NOTE_BYTES, Note
from passerelle.notification import LogProof
from passerelle.oprf.documents import array, hexadecimal, members, number, parse, text
from passerelle.sign import VerifyingKey

SUFFIX: Final = ".tlog-proof"
MAX_PROOF_BYTES: Final = MAX_NOTE_BYTES + 64 * 1024
_FIRST: Final = "c2sp.org/tlog-proof@v1"
_MEMBERS: Final = ("kind", "happened", "subject", "vouched", "inner", "slot", "path")
_HASH: Final = 32


def write_proof(note: Note, proof: EventProof) -> bytes:
    """The file for an event's proof against the checkpoint of a note."""
    place = proof.proof
    extra = {
        "kind": proof.kind,
        "happened": proof.happened,
        "subject": proof.subject,
        "vouched": proof.vouched.hex(),
        "inner": proof.inner.hex(),
        "slot": place.event_index,
        "path": [step.hex() for step in place.event_path],
    }
    packed = json.dumps(extra, sort_keys=True, separators=(",", ":")).encode()
    lines = (_FIRST, f"extra {_base64(packed)}", f"index {place.tick}", *map(_base64, place.tick_path))
    return "\n".join((*lines, "", "")).encode() + note.to_bytes()


def read_proof(raw: bytes) -> tuple[Note, EventProof]:
    """A file as note and proof, nothing of it verified.

    Raises:
        PasserelleError: `proof_malformed`, `note_malformed`, `message_malformed`.
    """
    head, found, rest = raw.partition(b"\n\n")
    if len(raw) > MAX_PROOF_BYTES or not found:
        raise PasserelleError("proof_malformed", f"{len(raw)} bytes, or no checkpoint")
    note = Note.parse(rest)
    checkpoint = Checkpoint.parse(note.text)
    try:
        first, extra, index, *path = head.decode("ascii").split("\n")
        fields = members(parse(base64.b64decode(_after(extra, "extra "), validate=True).decode()), _MEMBERS)
        place = LogProof(
            event_index=number(fields["slot"]),
            event_path=tuple(hexadecimal(step) for step in array(fields["path"])),
            tick=int(_after(index, "index ")),
            tick_path=tuple(base64.b64decode(step, validate=True) for step in path),
            tree_size=checkpoint.size,
            root=checkpoint.root,
        )
        proof = EventProof(
            kind=text(fields["kind"]),
            happened=number(fields["happened"]),
            subject=text(fields["subject"]),
            vouched=hexadecimal(fields["vouched"]),
            inner=hexadecimal(fields["inner"]),
            proof=place,
        )
    except (ValueError, binascii.Error) as error:
        raise PasserelleError("proof_malformed", type(error).__name__) from error
    if first != _FIRST or any(len(step) != _HASH for step in (*place.event_path, *place.tick_path)):
        raise PasserelleError("proof_malformed", "another format")
    if write_proof(note, proof) != raw:
        raise PasserelleError("proof_malformed", "not in its one form")
    return note, proof


def proved(raw: bytes, origin: str, key: VerifyingKey) -> EventProof:
    """What a file proves, under a key of the log `origin`.

    Raises:
        PasserelleError: as `read_proof`; `note_unsigned`, `note_signature_invalid`, `proof_invalid`.
    """
    note, proof = read_proof(raw)
    verify_log_proof(proof.proof, proof.commitment, verify_checkpoint(note, origin, key))
    return proof


def _after(line: str, word: str) -> str:
    if not line.startswith(word):
        raise ValueError(f"no line {word}")
    return line.removeprefix(word)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
