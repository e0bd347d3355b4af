"""Batch statements and receipts between their exact signed bytes and the domain."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from passerelle.chances import decode_chances
from passerelle.errors import PasserelleError
from passerelle.record import (
    DIGEST_BYTES,
    ENVELOPE_VERSION,
    ID_BYTES,
    MAX_BATCH_RECORDS,
    MAX_NAME,
    MAX_NUMBER,
    SUITE,
    BatchStatement,
    Receipt,
    RecordRefusal,
)
from passerelle.wire.v1 import record_pb2 as pb


def encode_statement(statement: BatchStatement) -> bytes:
    """The bytes an agency signs for a batch."""
    return pb.BatchStatement(
        version=statement.version,
        suite=statement.suite,
        audience=statement.audience,
        agency=statement.agency,
        connector=statement.connector,
        domain=statement.domain,
        batch_id=statement.batch_id,
        sequence=statement.sequence,
        previous=statement.previous,
        records=statement.records,
        root=statement.root,
        recipients=statement.recipients,
        epoch=statement.epoch,
        normaliser=statement.normaliser,
        catalogue=statement.catalogue,
        created=statement.created,
        chances=statement.chances,
    ).SerializeToString(deterministic=True)


def decode_statement(raw: bytes) -> BatchStatement:
    """Read a statement whose signature was verified before.

    Raises:
        PasserelleError: `message_malformed`, `batch_suite_unknown`, `batch_too_large`.
    """
    try:
        message = pb.BatchStatement.FromString(raw)
    except DecodeError as error:
        raise PasserelleError("message_malformed", "not a batch statement") from error
    if message.version != ENVELOPE_VERSION or message.suite != SUITE:
        raise PasserelleError("batch_suite_unknown", f"version {message.version}")
    digests = (message.previous, message.root, message.recipients)
    if len(message.batch_id) != ID_BYTES or any(len(item) != DIGEST_BYTES for item in digests):
        raise PasserelleError("message_malformed", "an id or digest of the wrong length")
    if not message.sequence or not message.records:
        raise PasserelleError("message_malformed", "a batch without number or records")
    if len(message.domain) > MAX_NAME or "\0" in message.domain or message.epoch > MAX_NUMBER:
        raise PasserelleError("message_malformed", "a domain or epoch that no hub has")
    decode_chances(message.chances)
    if message.records > MAX_BATCH_RECORDS:
        raise PasserelleError("batch_too_large", f"{message.records} records")
    return BatchStatement(
        audience=message.audience,
        agency=message.agency,
        connector=message.connector,
        domain=message.domain,
        batch_id=message.batch_id,
        sequence=message.sequence,
        previous=message.previous,
        records=message.records,
        root=message.root,
        recipients=message.recipients,
        epoch=message.epoch,
        normaliser=message.normaliser,
        catalogue=message.catalogue,
        created=message.created,
        version=message.version,
        suite=message.suite,
        chances=message.chances,
    )


def encode_receipt(receipt: Receipt) -> bytes:
    """The bytes the hub signs as a receipt."""
    return pb.Receipt(
        hub=receipt.hub,
        agency=receipt.agency,
        batch_id=receipt.batch_id,
        sequence=receipt.sequence,
        statement_digest=receipt.statement_digest,
        code=receipt.code,
        consumed=receipt.consumed,
        refusals=[
            pb.RecordRefusal(index=row.index, code=row.code, reasons=row.reasons) for row in receipt.refusals
        ],
        received=receipt.received,
        merge_delay=receipt.merge_delay,
        audit_event=receipt.audit_event,
    ).SerializeToString(deterministic=True)


def decode_receipt(raw: bytes) -> Receipt:
    """Read a receipt whose signature was verified before.

    Raises:
        PasserelleError: `receipt_invalid`.
    """
    try:
        message = pb.Receipt.FromString(raw)
    except DecodeError as error:
        raise PasserelleError("receipt_invalid", "not a receipt message") from error
    if len(message.batch_id) != ID_BYTES or len(message.statement_digest) != DIGEST_BYTES:
        raise PasserelleError("receipt_invalid", "an id or digest of the wrong length")
    return Receipt(
        hub=message.hub,
        agency=message.agency,
        batch_id=message.batch_id,
        sequence=message.sequence,
        statement_digest=message.statement_digest,
        code=message.code,
        consumed=message.consumed,
        refusals=tuple(RecordRefusal(row.index, row.code, tuple(row.reasons)) for row in message.refusals),
        received=message.received,
        merge_delay=message.merge_delay,
        audit_event=message.audit_event,
    )
