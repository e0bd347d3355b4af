"""Files sealed to one reader and signed by their writer, written piece by piece.

(1) the writer draws a fresh key for the file and wraps it for the reader (HPKE, `passerelle.seal`);
(2) a header says what the file is, under both of the writer's signatures, with the wrapped key inside;
(3) pieces follow, each AES-256-GCM under the file's key: the nonce is the piece's number, the associated data
    the digest of the header, the number, and whether it is the last;
(4) the reader checks the signature before it opens the key, and each piece as it comes.

Promises: a piece that opens was written by whoever signed the header, at this place of this file. A file that
was closed says so in its last piece, so that a cut one is told from a whole one; one that is still being
written ends after any whole piece, and what a crash left behind a whole piece counts as not written. A file's
key is used for one file, whose pieces are at most 2^32.

    magic, length of header (4), header (a signed payload), then per piece: length (4), last (1), ciphertext
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from passerelle.codec.signed import decode_signed, encode_signed
from passerelle.errors import PasserelleError
from passerelle.seal import Purpose, SealingKey, SealingPublicKey, SealLabel, open_sealed, seal
from passerelle.sign import SigningKey, VerifyingKey, sign, verify

FILE_TYPE: Final = "application/vnd.passerelle.sealed-file.v1+json"
MAX_PIECE_BYTES: Final = 256 * 1024 * 1024
_MAGIC: Final = b"passerelle-sealed/1\n"
_MAX_HEADER: Final = 64 * 1024
_PIECE: Final = struct.Struct(">IB")
_LENGTH: Final = struct.Struct(">I")
_ID: Final = 16


@dataclass(frozen=True, slots=True)
class FileHead:
    """What a file is: of what kind, by whom, when (microseconds), and facts that are no secret."""

    kind: str
    sender: str
    created: int
    facts: Mapping[str, Any]
    file_id: bytes = field(default_factory=lambda: os.urandom(_ID))


class SealedWriter:
    """Writes one file. Not for concurrent use; flushing and closing the file is its caller's."""

    def __init__(self, file: BinaryIO, head: FileHead, signer: SigningKey, reader: SealingPublicKey) -> None:
        secret = AESGCM.generate_key(256)
        wrapped = seal(reader, _label(head).info(reader.key_id), secret)  # (1)
        document = {
            "kind": head.kind,
            "sender": head.sender,
            "created": head.created,
            "facts": dict(head.facts),
            "file": head.file_id.hex(),
            "reader": reader.key_id.hex(),
            "key": base64.b64encode(wrapped).decode(),
        }
        payload = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
        header = encode_signed(sign(signer, FILE_TYPE, payload))  # (2)
        self._file = file
        self._cipher = AESGCM(secret)
        self._digest = hashlib.sha256(header).digest()
        self._number = 0
        file.write(_MAGIC + _LENGTH.pack(len(header)) + header)

    def write(self, piece: bytes, *, last: bool = False) -> None:
        """(3) Add a piece.

        Raises:
            OSError: as the file does.
        """
        sealed = self._cipher.encrypt(_nonce(self._number), piece, _bound(self._digest, self._number, last))
        self._file.write(_PIECE.pack(len(sealed), last) + sealed)
        self._number += 1


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A file whose header was verified and whose key was opened; `pieces` reads on from there."""

    head: FileHead
    _file: BinaryIO = field(repr=False)
    _cipher: AESGCM = field(repr=False)
    _digest: bytes = field(repr=False)

    def pieces(self, *, growing: bool = False) -> Iterator[bytes]:
        """The pieces in order. `growing`: the file need not have been closed.

        Raises:
            PasserelleError: `backup_truncated`, `backup_altered`.
        """
        number = 0
        while start := self._file.read(_PIECE.size):
            length, last = _PIECE.unpack(start) if len(start) == _PIECE.size else (0, 0)
            sealed = self._file.read(length) if 0 < length <= MAX_PIECE_BYTES else b""
            if not sealed or len(sealed) < length:
                if growing and length <= MAX_PIECE_BYTES:
                    return
                raise PasserelleError("backup_truncated", f"piece {number}")
            try:
                piece = self._cipher.decrypt(_nonce(number), sealed, _bound(self._digest, number, bool(last)))
            except InvalidTag as error:
                raise PasserelleError("backup_altered", f"piece {number}") from error
            yield piece
            if last:
                return
            number += 1
        if not growing:
            raise PasserelleError("backup_truncated", f"after {number} pieces")


def open_file(file: BinaryIO, writer: VerifyingKey, reader: SealingKey) -> SealedFile:
    """(4) Verify the header and open the file's key.

    Raises:
        PasserelleError: `backup_malformed`: no such file, or another writer's; `backup_truncated`;
            `backup_key_wrong`: sealed to another reader.
    """
    start = file.read(len(_MAGIC) + _LENGTH.size)
    if start[: len(_MAGIC)] != _MAGIC[: len(start)]:
        raise PasserelleError("backup_malformed", "another format")
    length = _LENGTH.unpack(start[len(_MAGIC) :])[0] if len(start) == len(_MAGIC) + _LENGTH.size else 0
    header = file.read(length) if length <= _MAX_HEADER else b""
    if not header or len(header) < length:
        raise PasserelleError("backup_truncated", "in the header")
    try:
        document: dict[str, Any] = json.loads(verify(decode_signed(header), writer, FILE_TYPE))
    except PasserelleError as error:
        raise PasserelleError("backup_malformed", f"header: {error.code}") from error
    head = FileHead(
        document["kind"],
        document["sender"],
        document["created"],
        document["facts"],
        bytes.fromhex(document["file"]),
    )
    if document["reader"] != reader.public.key_id.hex():
        raise PasserelleError("backup_key_wrong", f"sealed to {document['reader'][:16]}")
    try:
        secret = open_sealed(
            reader, _label(head).info(reader.public.key_id), base64.b64decode(document["key"])
        )
    except PasserelleError as error:
        raise PasserelleError("backup_key_wrong", error.code) from error
    return SealedFile(head, file, AESGCM(secret), hashlib.sha256(header).digest())


def _label(head: FileHead) -> SealLabel:
    return SealLabel(head.sender, head.file_id, "operator", Purpose.BACKUP)


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _bound(digest: bytes, number: int, last: bool) -> bytes:
    return digest + number.to_bytes(8, "big") + bytes([last])
