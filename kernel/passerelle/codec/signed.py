"""Signed bytes and log proofs on the wire."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from passerelle.errors import PasserelleError
from passerelle.notification import LogProof
from passerelle.record import DIGEST_BYTES
from passerelle.sign import Signature, Signed, TreePlace
from passerelle.wire.v1 import common_pb2 as pb


def signed_out(signed: Signed) -> pb.Signed:
    """A signed payload as its wire message."""
    mark, place = signed.signature, signed.signature.place
    message = pb.Signed(payload_type=signed.payload_type, payload=signed.payload)
    written = message.signature  # field by field in its place: a message made apart is copied once more
    written.key_id, written.ed25519, written.ml_dsa_65 = mark.key_id, mark.ed25519, mark.ml_dsa_65
    if place is not None:
        written.place.index, written.place.size = place.index, place.size
        written.place.path = b"".join(place.path)
    return message


def signed_in(message: pb.Signed) -> Signed:
    """A signed payload from its wire message; not yet verified.

    Raises:
        PasserelleError: `message_malformed`, a path that is no row of 32-byte hashes.
    """
    mark, place = message.signature, None
    if mark.HasField("place"):
        place = TreePlace(mark.place.index, mark.place.size, hashes_in(mark.place.path))
    signature = Signature(mark.key_id, mark.ed25519, mark.ml_dsa_65, place)
    return Signed(message.payload_type, message.payload, signature)


def encode_signed(signed: Signed) -> bytes:
    """A signed payload as bytes, for storing or sealing."""
    return signed_out(signed).SerializeToString(deterministic=True)


def decode_signed(raw: bytes) -> Signed:
    """Read a stored or sealed signed payload; not yet verified.

    Raises:
        PasserelleError: `message_malformed`.
    """
    try:
        return signed_in(pb.Signed.FromString(raw))
    except DecodeError as error:
        raise PasserelleError("message_malformed", "not a signed message") from error


def proof_out(proof: LogProof) -> pb.LogProof:
    """A log proof as its wire message."""
    return pb.LogProof(
        event_index=proof.event_index,
        event_path=b"".join(proof.event_path),
        tick=proof.tick,
        tick_path=b"".join(proof.tick_path),
        tree_size=proof.tree_size,
        root=proof.root,
    )


def proof_in(message: pb.LogProof) -> LogProof:
    """A log proof from its wire message; not yet verified.

    Raises:
        PasserelleError: `message_malformed`, a path that is no row of 32-byte hashes.
    """
    return LogProof(
        event_index=message.event_index,
        event_path=hashes_in(message.event_path),
        tick=message.tick,
        tick_path=hashes_in(message.tick_path),
        tree_size=message.tree_size,
        root=message.root,
    )


def hashes_in(packed: bytes) -> tuple[bytes, ...]:
    """Split a packed column of 32-byte hashes.

    Raises:
        PasserelleError: `message_malformed`.
    """
    if len(packed) % DIGEST_BYTES:
        raise PasserelleError("message_malformed", "a packed column of odd length")
    return tuple(packed[at : at + DIGEST_BYTES] for at in range(0, len(packed), DIGEST_BYTES))
