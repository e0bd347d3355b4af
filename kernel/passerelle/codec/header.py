"""Record headers between their exact bytes and `passerelle.record.Header`."""

from __future__ import annotations

from functools import lru_cache

from google.protobuf.message import DecodeError

from passerelle.errors import PasserelleError
from passerelle.groups import EntityKind
from passerelle.marking import (
    AgeBand,
    Basis,
    Classification,
    Grading,
    Handling,
    Marking,
    SubjectCategory,
    TerCategory,
    Tlp,
)
from passerelle.record import (
    DIGEST_BYTES,
    ENVELOPE_VERSION,
    ID_BYTES,
    MAX_NAME,
    MAX_NUMBER,
    Header,
    Lifetime,
    RecordAction,
    SectionDigest,
)
from passerelle.wire.v1 import record_pb2 as pb

_ENTITIES = {
    pb.ENTITY_KIND_PERSON: EntityKind.PERSON,
    pb.ENTITY_KIND_ORGANISATION: EntityKind.ORGANISATION,
    pb.ENTITY_KIND_MEANS: EntityKind.MEANS,
}
_ENTITIES_OUT = {kind: number for number, kind in _ENTITIES.items()}
_ACTIONS = {
    pb.RECORD_ACTION_PUT: RecordAction.PUT,
    pb.RECORD_ACTION_WITHDRAW: RecordAction.WITHDRAW,
}
_ACTIONS_OUT = {action: number for number, action in _ACTIONS.items()}


def encode_header(header: Header) -> bytes:
    """The bytes of a header, as they will be signed through their batch."""
    life = header.lifetime
    message = pb.Header(
        version=header.version,
        agency=header.agency,
        record_id=header.record_id,
        revision=header.revision,
        action=_ACTIONS_OUT[header.action],
        entity=_ENTITIES_OUT[header.entity],
        marking=_marking_out(header.marking),
        created=life.created,
        collected=life.collected,
        valid_until=life.valid_until,
        review=life.review,
        expiry=life.expiry,
        token_commitment=header.token_commitment,
        sections=[
            pb.SectionDigest(name=part.name, digest=part.digest, length=part.length)
            for part in header.sections
        ],
    )
    return message.SerializeToString(deterministic=True)


def decode_header(raw: bytes) -> Header:
    """Read a header whose bytes were verified before.

    Raises:
        PasserelleError: `header_invalid`, `marking_invalid`, `batch_suite_unknown`.
    """
    return read_header(raw)[0]


def read_header(raw: bytes) -> tuple[Header, bytes]:
    """A header whose bytes were verified before, and its marking as `encode_marking` writes it.

    Raises:
        PasserelleError: as `decode_header`.
    """
    try:
        message = pb.Header.FromString(raw)
    except DecodeError as error:
        raise PasserelleError("header_invalid", "not a header message") from error
    if message.version != ENVELOPE_VERSION:
        raise PasserelleError("batch_suite_unknown", f"header version {message.version}")
    entity, action = _ENTITIES.get(message.entity), _ACTIONS.get(message.action)
    if entity is None or action is None:
        raise PasserelleError("header_invalid", "unspecified entity kind or action")
    agency, record_id, revision = message.agency, message.record_id, message.revision
    commitment = message.token_commitment
    if len(record_id) != ID_BYTES or len(commitment) != DIGEST_BYTES:
        raise PasserelleError("header_invalid", "an id or digest of the wrong length")
    if not 0 < revision <= MAX_NUMBER or not agency:
        raise PasserelleError("header_invalid", "no revision, one beyond 31 bits, or no agency")
    life = Lifetime(message.created, message.collected, message.valid_until, message.review, message.expiry)
    if min(life) < 0:  # stores keep 0 for "never": a negative expiry would be one that no sweep finds
        raise PasserelleError("header_invalid", "a time before 1970")
    marking, canonical = _canonical_marking(message.marking.SerializeToString())
    sections = tuple([_section(part.name, part.digest, part.length) for part in message.sections])
    header = Header(agency, record_id, revision, action, entity, marking, life, commitment, sections)
    return header, canonical


@lru_cache(maxsize=4096)
def _canonical_marking(raw: bytes) -> tuple[Marking, bytes]:
    """A marking and its bytes without what a newer sender may have put beside it."""
    marking = decode_marking(raw)
    return marking, encode_marking(marking)


def encode_marking(marking: Marking) -> bytes:
    """A marking alone, as bytes; equal markings give equal bytes."""
    return _marking_out(marking).SerializeToString(deterministic=True)


@lru_cache(maxsize=4096)  # a partner uses a few hundred distinct markings; decoding one costs 10 us
def decode_marking(raw: bytes) -> Marking:
    """Read a marking.

    Raises:
        PasserelleError: `marking_invalid`, a value outside its vocabulary.
    """
    message = pb.Marking.FromString(raw)
    try:
        return Marking(
            classification=Classification(message.classification),
            handling=Handling(message.handling),
            handling_condition=message.handling_condition,
            tlp=Tlp(message.tlp),
            ter_category=TerCategory(message.ter_category),
            subject_category=SubjectCategory(message.subject_category),
            basis=Basis(message.basis),
            grading=Grading(message.reliability, message.credibility),
            purposes=tuple(message.purposes),
            legal_basis=message.legal_basis,
            case_reference=message.case_reference,
            age_band=AgeBand(message.age_band),
            embargo_basis=message.embargo_basis,
            special_categories=tuple(message.special_categories),
            releasable_to=tuple(message.releasable_to),
        )
    except ValueError as error:
        raise PasserelleError("marking_invalid", "a code outside its vocabulary") from error


def _marking_out(marking: Marking) -> pb.Marking:
    return pb.Marking(
        classification=int(marking.classification),
        handling=marking.handling.value,
        handling_condition=marking.handling_condition,
        tlp=marking.tlp.value,
        ter_category=marking.ter_category.value,
        subject_category=marking.subject_category.value,
        basis=marking.basis.value,
        reliability=marking.grading.reliability,
        credibility=marking.grading.credibility,
        purposes=marking.purposes,
        legal_basis=marking.legal_basis,
        case_reference=marking.case_reference,
        age_band=marking.age_band.value,
        embargo_basis=marking.embargo_basis,
        special_categories=marking.special_categories,
        releasable_to=marking.releasable_to,
    )


def _section(name: str, digest: bytes, length: int) -> SectionDigest:
    if not 0 < len(name) <= MAX_NAME or "\0" in name or len(digest) != DIGEST_BYTES:
        raise PasserelleError("header_invalid", "a section without name or digest")
    return SectionDigest(name, digest, length)
