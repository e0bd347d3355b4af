"""A batch as frames of at most 1 MiB, and back.

Order on the stream: open, record frames, wrap frames, commit. `frames` holds one frame in memory at a
time; `Assembler` holds one batch and refuses it at the first byte beyond the limits.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from passerelle.codec.signed import signed_in, signed_out
from passerelle.errors import PasserelleError
from passerelle.record import (
    MAX_BATCH_BYTES,
    MAX_BATCH_RECORDS,
    MAX_FRAME_BYTES,
    TOKEN_BYTES,
    Batch,
    KekWrap,
    SealedRecord,
    Section,
    SectionKeyWrap,
)
from passerelle.sign import Signed
from passerelle.wire.v1 import exchange_pb2 as pb

_SALT = 32
_OVERHEAD = 64  # bytes of tags and lengths allowed for per record; frames stay below the limit
_SECTION_OVERHEAD = 8  # the same per section
_WRAPS_A_FRAME = 2_000
_ROW_BYTES = 64  # what a row costs in memory beyond its bytes; counted, since empty rows are free on the wire


def frames(batch: Batch) -> Iterator[pb.SubmitRequest]:
    """Cut a batch into frames, in stream order.

    Raises:
        PasserelleError: `batch_too_large`, a single record does not fit into a frame.
    """
    yield pb.SubmitRequest(open=signed_out(batch.signed))
    for part in _record_frames(batch.records):
        yield pb.SubmitRequest(records=part)
    for wraps in _wrap_frames(batch):
        yield pb.SubmitRequest(wraps=wraps)
    yield pb.SubmitRequest(commit=pb.BatchCommit(records=len(batch.records)))


def _record_frames(records: tuple[SealedRecord, ...]) -> Iterator[pb.RecordFrame]:
    frame, size = pb.RecordFrame(), 0
    tokens: list[bytes] = []
    salts: list[bytes] = []
    for record in records:
        weight = _weight(record)
        if weight > MAX_FRAME_BYTES:
            raise PasserelleError("batch_too_large", f"a record of {weight} bytes")
        if size + weight > MAX_FRAME_BYTES:
            frame.tokens, frame.salts = b"".join(tokens), b"".join(salts)
            yield frame
            frame, size = pb.RecordFrame(), 0
            tokens.clear()
            salts.clear()
        size += weight
        frame.headers.append(record.header)
        frame.token_counts.append(len(record.kinds))
        frame.kinds.extend(record.kinds)
        frame.sections.extend(section.ciphertext for section in record.sections)
        frame.section_counts.append(len(record.sections))
        tokens.append(record.tokens)
        salts.append(record.salt)
    frame.tokens, frame.salts = b"".join(tokens), b"".join(salts)
    yield frame


def _weight(record: SealedRecord) -> int:
    sections = sum(len(section.ciphertext) + _SECTION_OVERHEAD for section in record.sections)
    return len(record.header) + len(record.tokens) + 5 * len(record.kinds) + sections + _OVERHEAD


def _wrap_frames(batch: Batch) -> Iterator[pb.WrapFrame]:
    rows = (
        pb.SectionKeyWrap(record=at, recipient=wrap.recipient, section=wrap.section, wrapped=wrap.wrapped)
        for at, record in enumerate(batch.records)
        for wrap in record.wraps
    )
    keks = [pb.KekWrap(recipient=kek.recipient, key_id=kek.key_id, sealed=kek.sealed) for kek in batch.keks]
    while part := list(islice(rows, _WRAPS_A_FRAME)):
        yield pb.WrapFrame(keks=keks, section_keys=part)
        keks = []
    if keks:
        yield pb.WrapFrame(keks=keks)


class Assembler:
    """Puts one batch after another together from the frames of a stream.

    Not safe for concurrent use; one per stream. After a refusal it passes over the rest of that batch and
    takes up again at the next opening (which may be what broke it), so one bad batch never blocks the
    queue. The sections' names come from the headers later, since headers are verified before they are
    parsed: until then sections carry their position as name.
    """

    def __init__(self, max_bytes: int = MAX_BATCH_BYTES) -> None:
        self._max_bytes = max_bytes
        self._skipping = False
        self.refused: Signed | None = None
        self._reset()

    def _reset(self) -> None:
        self._signed: Signed | None = None
        self._frames: list[pb.RecordFrame] = []
        self._wraps: list[pb.WrapFrame] = []
        self._bytes = 0

    def feed(self, frame: pb.SubmitRequest) -> Batch | None:
        """Take one frame; returns the batch when it was the commit.

        Raises:
            PasserelleError: `message_malformed`, `batch_too_large`, `batch_incomplete`; `refused` then
                holds the statement of the batch, where one was read.
        """
        if frame.WhichOneof("frame") == "open":
            self._open(signed_in(frame.open))
            return None
        if self._skipping:
            return None
        try:
            return self._feed(frame)
        except PasserelleError:
            self.refused = self._signed
            self._skipping = True
            self._reset()
            raise

    def _open(self, signed: Signed) -> None:
        broken = self._signed
        self._reset()
        self._signed, self._skipping = signed, False
        if broken is not None:
            self.refused = broken
            raise PasserelleError("batch_incomplete", "a batch opened inside another")

    def _feed(self, frame: pb.SubmitRequest) -> Batch | None:
        kind = frame.WhichOneof("frame")
        if self._signed is None:
            raise PasserelleError("message_malformed", "a frame outside a batch")
        self._bytes += frame.ByteSize() + _ROW_BYTES * _rows(frame)
        if self._bytes > self._max_bytes:
            raise PasserelleError("batch_too_large", f"more than {self._max_bytes} bytes")
        if kind == "records":
            self._frames.append(frame.records)
        elif kind == "wraps":
            self._wraps.append(frame.wraps)
        elif kind == "commit":
            return self._commit(self._signed, frame.commit.records)
        else:
            raise PasserelleError("message_malformed", "an empty frame")
        return None

    def _commit(self, signed: Signed, promised: int) -> Batch:
        wraps: dict[int, list[SectionKeyWrap]] = {}
        for part in self._wraps:
            for row in part.section_keys:
                wraps.setdefault(row.record, []).append(
                    SectionKeyWrap(row.recipient, row.section, row.wrapped)
                )
        keks = tuple(
            KekWrap(kek.recipient, kek.key_id, kek.sealed) for part in self._wraps for kek in part.keks
        )
        records = tuple(record for part in self._frames for record in _records(part))
        if len(records) != promised or len(records) > MAX_BATCH_RECORDS:
            raise PasserelleError("batch_incomplete", f"{len(records)} records, {promised} promised")
        if any(at >= len(records) for at in wraps):
            raise PasserelleError("batch_incomplete", "a wrap beyond the last record")
        if wraps:
            records = tuple(rec._replace(wraps=tuple(wraps.get(at, ()))) for at, rec in enumerate(records))
        self._reset()
        return Batch(signed, records, keks)


def _rows(frame: pb.SubmitRequest) -> int:
    """Rows that are objects of their own in memory; packed numbers are counted by their bytes."""
    records, wraps = frame.records, frame.wraps
    return len(records.headers) + len(records.sections) + len(wraps.keks) + len(wraps.section_keys)


def _records(frame: pb.RecordFrame) -> Iterator[SealedRecord]:
    """The records of one frame; sections are dealt out by the counts the headers promise."""
    count = len(frame.headers)
    if len(frame.token_counts) != count or len(frame.salts) != count * _SALT:
        raise PasserelleError("batch_incomplete", "columns of different length")
    if sum(frame.token_counts) != len(frame.kinds) or len(frame.kinds) * TOKEN_BYTES != len(frame.tokens):
        raise PasserelleError("batch_incomplete", "token columns of different length")
    if len(frame.section_counts) != count or sum(frame.section_counts) != len(frame.sections):
        raise PasserelleError("batch_incomplete", "section columns of different length")
    kinds, tokens, salts = tuple(frame.kinds), frame.tokens, frame.salts
    bodies = list(frame.sections)
    token_at = section_at = salt_at = 0
    for header, mine, parts in zip(frame.headers, frame.token_counts, frame.section_counts, strict=True):
        token_end, section_end, salt_end = token_at + mine, section_at + parts, salt_at + _SALT
        yield SealedRecord(
            header,
            kinds[token_at:token_end],
            tokens[token_at * TOKEN_BYTES : token_end * TOKEN_BYTES],
            salts[salt_at:salt_end],
            tuple([Section(str(at), body) for at, body in enumerate(bodies[section_at:section_end])]),
        )
        token_at, section_at, salt_at = token_end, section_end, salt_end
