"""Bad batches of the catalogue: each spoils one thing of a batch that would be taken."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hub_kit import FakeAgency, HubKit, altered
from parties import MARKING

from passerelle.batch import token_commitment
from passerelle.catalogue import catalogue
from passerelle.clock import DAY
from passerelle.codec.header import decode_header, encode_header
from passerelle.marking import AgeBand
from passerelle.record import Batch, Lifetime, RecordAction, SealedRecord, SectionKeyWrap
from passerelle.registry_entry import Status
from passerelle.sign import Signature, Signed
from passerelle_hub.quota import DEFAULT_LIMITS, Quota
from passerelle_hub.store import records

PERSON = {"surname+given+birth": "jansen jan 1980-02-03", "national number": "80020312345"}
Build = Callable[[HubKit, FakeAgency], Batch]


def held(hub: HubKit, agency: FakeAgency) -> int:
    """How many records of an agency the hub holds."""
    with hub.core.database.read() as tx:
        return records.counts(tx).get(agency.name, 0)


def good(hub: HubKit, agency: FakeAgency) -> int:
    """Submit what nothing is wrong with; returns how many records stand then."""
    before = held(hub, agency)
    receipt = hub.submit(agency, agency.record(PERSON))
    assert receipt.accepted and receipt.refusals == ()
    assert held(hub, agency) == before + 1
    return before + 1


def bad_batch(hub: HubKit, agency: FakeAgency, build: Build, entry: Mapping[str, Any]) -> None:
    """The entry's batch between two good ones.

    A bad record costs itself and not its batch; a bad batch costs itself, its number where it was signed as
    due, and nothing that stands.
    """
    before = good(hub, agency)
    batch = build(hub, agency)
    receipt = hub.receipt(hub.core.intake.receive(batch, agency.identity))
    if receipt.consumed:
        agency.took(batch)
    if entry.get("one_record"):
        assert receipt.accepted
        assert [(row.index, row.code) for row in receipt.refusals] == [(0, entry["code"])]
        assert held(hub, agency) == before + 1
    else:
        assert (receipt.code, receipt.consumed) == (entry["code"], entry["consumed"])
        assert held(hub, agency) == before
    if entry.get("waits"):
        recover(hub, agency)
    good(hub, agency)


def _statement(**changes: object) -> Build:
    """A statement that says something else, signed as it should be."""

    def build(_hub: HubKit, agency: FakeAgency) -> Batch:
        record = agency.record(PERSON)
        return agency.seal_batch(altered(agency.statement(record), **changes), record)

    return build


def _numbered(by: int) -> Build:
    def build(_hub: HubKit, agency: FakeAgency) -> Batch:
        record = agency.record(PERSON)
        statement = agency.statement(record)
        return agency.seal_batch(altered(statement, sequence=statement.sequence + by), record)

    return build


def _signature(part: str, value: bytes) -> Build:
    def build(_hub: HubKit, agency: FakeAgency) -> Batch:
        batch = agency.batch(agency.record(PERSON))
        return replace(batch, signed=spoilt(batch.signed, part, value))

    return build


def spoilt(signed: Signed, part: str, value: bytes) -> Signed:
    """A signed message with one part of its signature replaced."""
    mark = signed.signature
    parts = {"ed25519": mark.ed25519, "ml_dsa_65": mark.ml_dsa_65} | {part: value}
    return Signed(
        signed.payload_type, signed.payload, Signature(mark.key_id, parts["ed25519"], parts["ml_dsa_65"])
    )


def _record(spoil: Callable[[FakeAgency, SealedRecord], SealedRecord], **parts: Any) -> Build:
    """A bad record before a good one."""

    def build(_hub: HubKit, agency: FakeAgency) -> Batch:
        bad = spoil(agency, agency.record(parts.pop("words", PERSON), **parts))
        return agency.batch(bad, agency.record(PERSON))

    return build


def _reheaded(record: SealedRecord, **changes: object) -> SealedRecord:
    header = decode_header(record.header)._replace(**changes)  # type: ignore[arg-type]  # checked by the call
    return record._replace(header=encode_header(header))


def _same(_agency: FakeAgency, record: SealedRecord) -> SealedRecord:
    return record


def _token_twice(agency: FakeAgency, _record: SealedRecord) -> SealedRecord:
    kind = next(kind for kind in catalogue().kinds.values() if kind.max_values > 1)
    record = agency.record({kind.name: "x"}, entity=min(kind.entities))
    kinds, tokens = (kind.id, kind.id), record.tokens * 2
    commitment = token_commitment(record.salt, kinds, tokens)
    return _reheaded(record._replace(kinds=kinds, tokens=tokens), token_commitment=commitment)


def _kind_unknown(_agency: FakeAgency, record: SealedRecord) -> SealedRecord:
    kinds, tokens = (60_000,), bytes(16)
    commitment = token_commitment(record.salt, kinds, tokens)
    return _reheaded(record._replace(kinds=kinds, tokens=tokens), token_commitment=commitment)


def _stale(hub: HubKit, agency: FakeAgency) -> Batch:
    same = os.urandom(16)
    hub.submit(agency, agency.record(PERSON, record_id=same, revision=3))
    hub.submit(agency, agency.record({}, record_id=same, revision=4, action=RecordAction.WITHDRAW))
    return agency.batch(agency.record(PERSON, record_id=same, revision=2), agency.record(PERSON))


def _withdraws_with_content(_agency: FakeAgency, record: SealedRecord) -> SealedRecord:
    return _reheaded(record, action=RecordAction.WITHDRAW)


def _wrap_repeated(_agency: FakeAgency, record: SealedRecord) -> SealedRecord:
    wrap = SectionKeyWrap("customs", "identity", b"wrapped")
    return record._replace(wraps=(wrap, wrap))


def _section_other(_agency: FakeAgency, record: SealedRecord) -> SealedRecord:
    return record._replace(sections=(record.sections[0]._replace(ciphertext=b"other"),))


def _stolen(hub: HubKit, agency: FakeAgency) -> Batch:
    return agency.batch(hub.agency("customs").record(PERSON), agency.record(PERSON))


def _over_quota(hub: HubKit, agency: FakeAgency) -> Batch:
    with hub.core.database.write() as tx:
        rest = DEFAULT_LIMITS["records"] - held(hub, agency)
        Quota(hub.clock, DEFAULT_LIMITS).charge(tx, agency.name, {"records": rest})
    return agency.batch(*(agency.record(PERSON) for _ in range(3)))


def _suspended(hub: HubKit, agency: FakeAgency) -> Batch:
    hub.register(agency.entry(revision=_revision(hub, agency) + 1, status=Status.SUSPENDED))
    return agency.batch(agency.record(PERSON))


def _revision(hub: HubKit, agency: FakeAgency) -> int:
    return hub.core.registry.entry(agency.name).revision


def recover(hub: HubKit, agency: FakeAgency) -> None:
    """The next day; the agency active again."""
    hub.clock.advance(DAY)
    if hub.core.registry.entry(agency.name).status is not Status.ACTIVE:
        hub.register(agency.entry(revision=_revision(hub, agency) + 1))


SECTION = {"identity": b"sealed"}
BATCHES: Mapping[str, Build] = {
    "no-classical-signature": _signature("ed25519", b""),
    "no-post-quantum-signature": _signature("ml_dsa_65", b""),
    "forged-signature": _signature("ed25519", bytes(64)),
    "for-another-hub": _statement(audience="spiffe://other.example/hub/other"),
    "of-another-connector": _statement(connector="spiffe://police.example/connector/other"),
    "number-ahead": _numbered(+1),
    "number-again": _numbered(-1),
    "chain-broken": _statement(previous=b"x" * 32),
    "epoch-of-tomorrow": _statement(epoch=2),
    "domain-unknown": _statement(domain="unheard-of"),
    "old-normaliser": _statement(normaliser="norm/0"),
    "other-catalogue": _statement(catalogue="keys/9"),
    "records-missing": _statement(records=2),
    "root-of-others": _statement(root=b"x" * 32),
    "recipients-stripped": _statement(recipients=b"x" * 32),
    "from-the-future": _statement(created=2**60),
    "quota-used-up": _over_quota,
    "agency-suspended": _suspended,
    "tokens-uncommitted": _record(lambda _, record: record._replace(salt=bytes(32))),
    "token-twice": _record(_token_twice),
    "kind-unknown": _record(_kind_unknown),
    "header-of-noise": _record(lambda _, record: record._replace(header=b"\xff\xff")),
    "before-1970": _record(lambda _, record: _reheaded(record, lifetime=Lifetime(-1))),
    "withdrawal-with-content": _record(_withdraws_with_content),
    "section-exchanged": _record(_section_other, sections=SECTION),
    "wrap-twice": _record(_wrap_repeated, sections=SECTION),
    "revision-behind": _stale,
    "record-of-another-agency": _stolen,
    "child-past-its-connector": _record(_same, marking=replace(MARKING, age_band=AgeBand.UNDER_TWELVE)),
    "basis-unknown": _record(_same, marking=replace(MARKING, legal_basis="none")),
}
