"""Fictional parties, shared by the kits of the sides: their registry entries, markings and sealed records."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from passerelle.batch import token_commitment
from passerelle.codec.header import encode_header
from passerelle.codec.signed import encode_signed
from passerelle.groups import EntityKind
from passerelle.identity import Identity, Role
from passerelle.manifest import KeyEntry, issue_first
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
from passerelle.record import Header, Lifetime, RecordAction, SealedRecord, Section, SectionDigest
from passerelle.registry_entry import RegistryEntry, Status
from passerelle.seal import SealingPublicKey
from passerelle.sign import SigningKey, VerifyingKey

HUB = Identity("hub.example", Role.HUB, "ocam")
MARKING = Marking(
    classification=Classification.RESTRICTED,
    handling=Handling.H0,
    tlp=Tlp.AMBER,
    ter_category=TerCategory.NONE,
    subject_category=SubjectCategory.SUSPECT,
    basis=Basis.FACT,
    grading=Grading("A", 1),
    purposes=("counter_terrorism",),
    legal_basis="be_ter_2024",
    case_reference="case-1",
    age_band=AgeBand.ADULT,
)


def manifest_of(
    identity: Identity,
    key: SigningKey,
    signing: VerifyingKey,
    sealing: SealingPublicKey | None,
    start: int,
    end: int,
) -> bytes:
    """A party's first manifest, issued and encoded; its keys are valid from start to end."""
    opens = () if sealing is None else (KeyEntry(sealing, start, end),)
    return encode_signed(issue_first(key, identity, KeyEntry(signing, start, end), opens))


def entry_of(
    identity: Identity,
    roots: bytes,
    manifest: bytes,
    issued: int,
    *,
    status: Status = Status.ACTIVE,
    revision: int = 1,
) -> RegistryEntry:
    """A party's entry as the registry would sign it."""
    return RegistryEntry(
        agency=identity.agency,
        trust_domain=identity.trust_domain,
        roles=(identity.role,),
        name=identity.agency.title(),
        roots_pem=roots,
        manifest=manifest,
        status=status,
        revision=revision,
        issued=issued,
    )


def sealed_record(
    agency: str,
    record_id: bytes,
    kinds: Sequence[int],
    tokens: bytes,
    sections: Mapping[str, bytes],
    *,
    created: int,
    salt: bytes,
    revision: int = 1,
    action: RecordAction = RecordAction.PUT,
    marking: Marking = MARKING,
    entity: EntityKind = EntityKind.PERSON,
) -> SealedRecord:
    """A record whose header commits to these tokens (packed, 16 bytes a kind) and sections."""
    header = Header(
        agency=agency,
        record_id=record_id,
        revision=revision,
        action=action,
        entity=entity,
        marking=marking,
        lifetime=Lifetime(created=created),
        token_commitment=token_commitment(salt, kinds, tokens),
        sections=tuple(
            SectionDigest(name, hashlib.sha256(body).digest(), len(body)) for name, body in sections.items()
        ),
    )
    parts = tuple(Section(name, body) for name, body in sections.items())
    return SealedRecord(encode_header(header), tuple(kinds), tokens, salt, parts)
