"""Signed notes (C2SP signed-note): a text, an empty line, and signature lines of those who vouch for it.

Rules
-----
1. A line is `— <name> <base64>`, the bytes being a key hash of four bytes and the signature. Each signer has
   two lines, Ed25519 and ML-DSA-65, and both must be there and hold: half a signature is none.
2. Lines of unknown keys are passed over, as the format demands; a line that claims a known key and does not
   hold condemns the note.
3. A cosignature (C2SP tlog-cosignature) covers a time of its own beside the text. Its Ed25519 line has the
   type that C2SP assigned (0x04) and any witness of that format verifies it. For ML-DSA-65 C2SP has assigned
   no type: its lines have type 0xff and a long name, as the format foresees.
4. What is signed is the text itself. It starts with the name of a log, never with `DSSEv1`, so that a note
   can be mistaken for nothing else that the same keys sign.

Times in cosignatures are whole seconds since the Unix epoch. Nothing is verified until `verify_note` or
`verify_cosignature` returned.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from cryptography.exceptions import InvalidSignature

from passerelle.errors import PasserelleError
from passerelle.sign import SigningKey, VerifyingKey

MAX_NOTE_BYTES: Final = 192 * 1024
MAX_LINES: Final = 64
_ED25519: Final = b"\x01"
_ED25519_COSIGNATURE: Final = b"\x04"
_ML_DSA: Final = b"\xffpasserelle/ml-dsa-65"
_ML_DSA_COSIGNATURE: Final = b"\xffpasserelle/ml-dsa-65-cosignature/v1"
_CLASSICAL: Final = 32
_HASH: Final = 4
_TIME: Final = 8
_DASH: Final = "\u2014"


@dataclass(frozen=True, slots=True)
class NoteLine:
    """One signature line: who, four bytes that hint at the key, the signature; not yet verified."""

    name: str
    key_hash: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A text (ending with a line feed) and its signature lines."""

    text: bytes
    lines: tuple[NoteLine, ...] = ()

    def to_bytes(self) -> bytes:
        """The note as it is stored and sent."""
        lines = [
            f"{_DASH} {line.name} {base64.b64encode(line.key_hash + line.signature).decode()}\n"
            for line in self.lines
        ]
        return self.text + b"\n" + "".join(lines).encode()

    @classmethod
    def parse(cls, raw: bytes) -> Note:
        """Read a note; nothing of it is verified.

        Raises:
            PasserelleError: `note_malformed`.
        """
        if len(raw) > MAX_NOTE_BYTES:
            raise PasserelleError("note_malformed", f"{len(raw)} bytes")
        text, found, rest = raw.rpartition(b"\n\n")
        if not found or not rest.endswith(b"\n"):
            raise PasserelleError("note_malformed", "no signature lines")
        try:
            lines = tuple(_line(line) for line in rest.decode("utf-8").removesuffix("\n").split("\n"))
        except (ValueError, binascii.Error) as error:
            raise PasserelleError("note_malformed", "a signature line") from error
        note = cls(text + b"\n", lines)
        if len(lines) > MAX_LINES or note.to_bytes() != raw:
            raise PasserelleError("note_malformed", "not in its one form")
        return note

    def having(self, *lines: NoteLine) -> Note:
        """The note with further lines; a line that is there already is not added again."""
        return replace(self, lines=(*self.lines, *(line for line in lines if line not in self.lines)))


def sign_note(key: SigningKey, name: str, text: bytes) -> Note:
    """A text signed by the owner of the log; `name` is the key's name, its first line as a rule."""
    return Note(
        text,
        (
            NoteLine(name, _ed_hash(name, _ED25519, key.public), key.ed25519.sign(text)),
            NoteLine(name, _ml_hash(name, _ML_DSA, key.public), key.ml_dsa.sign(text)),
        ),
    )


def verify_note(note: Note, name: str, key: VerifyingKey) -> bytes:
    """The text, once both signatures of `name` are shown to be there and to hold.

    Raises:
        PasserelleError: `note_unsigned`, a line of the two is missing; `note_signature_invalid`.
    """
    _check(key.ed25519.verify, _one(note, name, _ed_hash(name, _ED25519, key), "Ed25519"), note.text)
    _check(key.ml_dsa.verify, _one(note, name, _ml_hash(name, _ML_DSA, key), "ML-DSA-65"), note.text)
    return note.text


def cosign_note(key: SigningKey, name: str, text: bytes, seconds: int) -> tuple[NoteLine, NoteLine]:
    """The two lines of a witness that saw the text and checked it at a time."""
    message, stamp = _cosigned(text, seconds), seconds.to_bytes(_TIME, "big")
    return (
        NoteLine(name, _ed_hash(name, _ED25519_COSIGNATURE, key.public), stamp + key.ed25519.sign(message)),
        NoteLine(name, _ml_hash(name, _ML_DSA_COSIGNATURE, key.public), stamp + key.ml_dsa.sign(message)),
    )


def verify_cosignature(note: Note, name: str, key: VerifyingKey) -> int:
    """When a witness cosigned (seconds), once both its lines are shown to be there and to hold.

    Raises:
        PasserelleError: `note_unsigned`, `note_signature_invalid`.
    """
    classical = _one(note, name, _ed_hash(name, _ED25519_COSIGNATURE, key), "Ed25519")
    lattice = _one(note, name, _ml_hash(name, _ML_DSA_COSIGNATURE, key), "ML-DSA-65")
    stamp = classical.signature[:_TIME]
    if len(stamp) != _TIME or lattice.signature[:_TIME] != stamp:
        raise PasserelleError("note_signature_invalid", "two times in one cosignature")
    seconds = int.from_bytes(stamp, "big")
    message = _cosigned(note.text, seconds)
    _check(key.ed25519.verify, replace(classical, signature=classical.signature[_TIME:]), message)
    _check(key.ml_dsa.verify, replace(lattice, signature=lattice.signature[_TIME:]), message)
    return seconds


def lines_of(note: Note, name: str) -> tuple[NoteLine, ...]:
    """The lines of a note that carry a name."""
    return tuple(line for line in note.lines if line.name == name)


def _line(text: str) -> NoteLine:
    dash, name, packed = text.split(" ")
    raw = base64.b64decode(packed, validate=True)
    if dash != _DASH or not name or "+" in name or len(raw) <= _HASH:
        raise ValueError("not a signature line")
    return NoteLine(name, raw[:_HASH], raw[_HASH:])


def _one(note: Note, name: str, key_hash: bytes, part: str) -> NoteLine:
    found = [line for line in note.lines if (line.name, line.key_hash) == (name, key_hash)]
    if not found:
        raise PasserelleError("note_unsigned", part)
    return found[0]


def _check(verify: Callable[[bytes, bytes], None], line: NoteLine, message: bytes) -> None:
    try:
        verify(line.signature, message)
    except InvalidSignature as error:
        raise PasserelleError("note_signature_invalid", line.key_hash.hex()) from error


def _cosigned(text: bytes, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n".encode() + text


def _ed_hash(name: str, kind: bytes, key: VerifyingKey) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + kind + key.raw[:_CLASSICAL]).digest()[:_HASH]


def _ml_hash(name: str, kind: bytes, key: VerifyingKey) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + kind + key.raw[_CLASSICAL:]).digest()[:_HASH]
