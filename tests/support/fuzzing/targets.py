"""What is fuzzed, and what must hold of every input.

Each target is a function of bytes. It raises where a promise is broken; coded refusals are what is promised.
"""

from __future__ import annotations

import base64
import datetime
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.message import DecodeError

from fuzzing.exports import write_export
from passerelle import merkle
from passerelle.audit.tiles import Tile, pack_entries, unpack_entries
from passerelle.audit.verify import verify_export
from passerelle.certificate import Usage, check_leaf, read_chain
from passerelle.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from passerelle.codec.frames import Assembler
from passerelle.codec.header import decode_header, encode_header
from passerelle.codec.judgement import decode_judgement, encode_judgement
from passerelle.codec.notification import decode_notification, encode_notification
from passerelle.codec.signed import decode_signed, encode_signed
from passerelle.codec.statement import decode_receipt, decode_statement, encode_receipt, encode_statement
from passerelle.dsse import pae
from passerelle.errors import PasserelleError
from passerelle.evaluation_report import decode_report, encode_report
from passerelle.log_proof import EventProof
from passerelle.manifest import KeyManifest, read_manifest, verify_manifest
from passerelle.note import Note
from passerelle.notification import LogProof
from passerelle.registry_entry import decode_entry, encode_entry
from passerelle.sign import SigningKey, sign, verify
from passerelle.tlog_proof import proved, read_proof, write_proof
from passerelle.wire.v1 import exchange_pb2
from passerelle_hub.policy.answer import AnswerRefusedError, read_answer

Target = Callable[[bytes], None]
_TYPE = "application/vnd.passerelle.fuzzed"
ORIGIN = "spiffe://hub.example/hub/exchange"


class ForgeryError(Exception):
    """Bytes that nobody signed were taken for signed ones."""


class TwoSpellingsError(Exception):
    """One value was read from bytes that are not its one encoding."""


def _once(read: Callable[[bytes], object], write: Callable[..., bytes], data: bytes) -> None:
    """What is read writes itself in the same bytes."""
    try:
        value = read(data)
    except PasserelleError:
        return
    if write(value) != data:
        raise TwoSpellingsError(read.__name__)


def wire() -> Target:
    """A stream of frames, length-prefixed in the input."""

    def target(data: bytes) -> None:
        assembler = Assembler()
        while data:
            size, data = int.from_bytes(data[:2], "big"), data[2:]
            raw, data = data[:size], data[size:]
            with suppress(DecodeError, PasserelleError):  # gRPC answers the first before we see a message
                assembler.feed(exchange_pb2.SubmitRequest.FromString(raw))

    return target


def envelope() -> Target:
    """Headers, statements, receipts, notifications, judgements; signed messages, which must not be forged."""
    key = SigningKey.generate()
    genuine = sign(key, _TYPE, b"what was signed")
    encoded = encode_signed(genuine)
    readers: tuple[tuple[Callable[[bytes], object], Callable[..., bytes]], ...] = (
        (decode_header, encode_header),
        (decode_statement, encode_statement),
        (decode_receipt, encode_receipt),
        (decode_notification, encode_notification),
        (decode_report, encode_report),
        (decode_judgement, encode_judgement),
    )

    def target(data: bytes) -> None:
        for read, _ in readers:
            try:
                read(data)
            except PasserelleError:
                continue
        _once(decode_report, encode_report, data)
        for raw in (data, _overlaid(encoded, data)):
            try:
                signed = decode_signed(raw)
                payload = verify(signed, key.public, _TYPE)
            except PasserelleError:
                continue
            if payload != genuine.payload:
                raise ForgeryError("a signed message")

    return target


def certificate() -> Target:
    """A leaf's identity from hostile names, and hostile bytes where a chain is expected."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

    def target(data: bytes) -> None:
        for chain in (data, _armoured(data)):
            with suppress(PasserelleError):
                for read in read_chain(chain):
                    check_leaf(read, Usage.CLIENT)
        try:
            name = data.decode("ascii")
            sans = [x509.UniformResourceIdentifier(part) for part in name.split("\n") if part]
            builder = (
                x509.CertificateBuilder()
                .subject_name(x509.Name([]))
                .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "fuzz")]))
                .public_key(key.public_key())
                .serial_number(1)
                .not_valid_before(now)
                .not_valid_after(now + datetime.timedelta(days=1))
                .add_extension(x509.SubjectAlternativeName(sans), critical=True)
            )
            leaf = builder.sign(key, hashes.SHA256())
        except (ValueError, UnicodeDecodeError):
            return
        for usage in Usage:
            try:
                identity = check_leaf(leaf, usage)
            except PasserelleError:
                continue
            if str(identity) != name:
                raise ForgeryError("an identity")

    return target


def _armoured(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"


def policy_answer() -> Target:
    """Whatever an engine might answer: JSON values, not only objects."""

    def target(data: bytes) -> None:
        try:
            raw = json.loads(data)
        except (ValueError, RecursionError):
            return
        try:
            answer = read_answer(raw, "active", "active")
        except AnswerRefusedError:
            return
        if answer.allow and (raw.get("allow") is not True or not answer.grants or answer.reasons):
            raise ForgeryError("an allow")

    return target


def manifest() -> Target:
    """Key manifests and registry entries, plain and signed by somebody else."""
    ours = SigningKey.generate()

    def target(data: bytes) -> None:
        _once(KeyManifest.from_bytes, KeyManifest.to_bytes, data)
        _once(decode_entry, encode_entry, data)
        with suppress(PasserelleError):
            read_manifest(data, "police")
        signed = sign(SigningKey(os.urandom(64)), _TYPE, data)
        for claimed in (
            signed,
            replace(signed, signature=replace(signed.signature, key_id=ours.public.key_id)),
        ):
            try:
                verify_manifest(claimed, ours.public)
            except PasserelleError:
                continue
            raise ForgeryError("a manifest")

    return target


def log() -> Target:
    """Signed notes, checkpoints, tiles, proofs of inclusion; a checkpoint must not be forged, nor a proof."""
    key = SigningKey.generate()
    note = sign_checkpoint(key, Checkpoint(ORIGIN, 3, bytes(32)))
    event = EventProof("batch.accepted", 1, "", b"", bytes(32), LogProof(0, (bytes(32),) * 16, 0, (), 1, b""))
    leaf = merkle.tick_root_from_path(event.commitment, 0, event.proof.event_path)
    shown = sign_checkpoint(key, Checkpoint(ORIGIN, 1, merkle.leaf_hash(leaf)))
    file = write_proof(shown, event)
    proved(file, ORIGIN, key.public)

    def target(data: bytes) -> None:
        _once(Note.parse, Note.to_bytes, data)
        _once(Checkpoint.parse, Checkpoint.text, data)
        _once(lambda raw: Tile.parse(raw.decode("utf-8", "replace")), lambda tile: tile.path.encode(), data)
        _once(unpack_entries, pack_entries, data)
        _once(read_proof, lambda read: write_proof(*read), data)
        for raw in (data, _overlaid(note.to_bytes(), data)):
            with suppress(PasserelleError):
                if verify_checkpoint(Note.parse(raw), ORIGIN, key.public).size != 3:
                    raise ForgeryError("a checkpoint")
        with suppress(PasserelleError):
            if proved(_overlaid(file, data), ORIGIN, key.public).commitment != event.commitment:
                raise ForgeryError("a proof")
        for at in range(0, len(data), 7):  # a type and its payload cannot run into each other
            kind = data[:at].hex()
            if pae(kind, data[at:]) == pae(data[: at + 1].hex(), data[at + 1 :]):
                raise ForgeryError("two messages with one encoding")

    return target


def export() -> Target:
    """The offline verifier's input: each file of a genuine export changed, or replaced, in its turn."""
    folder = Path(tempfile.mkdtemp(prefix="fuzzed-export-"))
    registry_key = write_export(folder)
    genuine = verify_export(folder, registry_key, 0)
    files = sorted(path for path in folder.rglob("*") if path.is_file())

    def target(data: bytes) -> None:
        if len(data) < 2:
            return
        file, change = files[data[0] % len(files)], data[2:]
        before = file.read_bytes()
        file.write_bytes(change if data[1] % 2 else _overlaid(before, change) if before else change)
        try:
            found = verify_export(folder, registry_key, 0)
        except PasserelleError:
            return
        finally:
            file.write_bytes(before)
        if found.log.ticks != genuine.log.ticks or found.log.events != genuine.log.events:
            raise ForgeryError("an export")

    return target


def _overlaid(base: bytes, data: bytes) -> bytes:
    """The base with bytes changed: (position, value) pairs from the input."""
    changed = bytearray(base)
    for at in range(0, len(data) - 2, 3):
        changed[int.from_bytes(data[at : at + 2], "big") % len(changed)] = data[at + 2]
    return bytes(changed)


TARGETS: Mapping[str, Callable[[], Target]] = {
    "wire": wire,
    "envelope": envelope,
    "certificate": certificate,
    "policy-answer": policy_answer,
    "manifest": manifest,
    "log": log,
    "export": export,
}
