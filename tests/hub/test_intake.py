"""Transaction A: what a batch must be, and what each fault costs."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from hub_kit import FakeAgency, HubKit, altered
from parties import MARKING

from passerelle.batch import recipient_digest
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.marking import AgeBand, Classification
from passerelle.record import Batch, BatchStatement, KekWrap, RecordAction, SealedRecord
from passerelle.sign import Signature, Signed
from passerelle_hub.store import log_store, marks, records

PERSON = {"surname+given+birth": "jansen jan 1980-02-03", "national number": "80020312345"}


def rows(hub: HubKit) -> tuple[int, dict[str, int]]:
    with hub.core.database.read() as tx:
        return marks.count(tx), records.counts(tx)


def audited(hub: HubKit, kind: str) -> int:
    with hub.core.database.read() as tx:
        return log_store.counts(tx).get(kind, 0)


def test_a_good_batch_is_stored_and_answered(hub: HubKit) -> None:
    police = hub.agency("police")
    receipt = hub.submit(police, police.record(PERSON), police.record({"national number": "x"}))
    assert receipt.accepted
    assert receipt.consumed
    assert receipt.refusals == ()
    assert rows(hub) == (3, {"police": 2})
    assert hub.core.intake.position(police.identity).next_sequence == 2
    assert audited(hub, "batch.accepted") == 1


def test_the_same_batch_again_gets_the_same_receipt_and_changes_nothing(hub: HubKit) -> None:
    police = hub.agency("police")
    batch = police.batch(police.record(PERSON))
    first = hub.core.intake.receive(batch, police.identity)
    assert hub.core.intake.receive(batch, police.identity) == first
    assert rows(hub) == (2, {"police": 1})


def refused(hub: HubKit, agency: FakeAgency, batch: Batch, *, consumed: bool) -> str:
    before = rows(hub)
    place = hub.core.intake.position(agency.identity).next_sequence
    receipt = hub.receipt(hub.core.intake.receive(batch, agency.identity))
    assert not receipt.accepted
    assert receipt.consumed is consumed
    assert rows(hub) == before
    assert hub.core.intake.position(agency.identity).next_sequence == place + consumed
    assert audited(hub, "batch.refused") == 1
    return receipt.code


def without(batch: Batch, **parts: bytes) -> Batch:
    mark = batch.signed.signature
    stripped = Signature(
        mark.key_id, parts.get("ed25519", mark.ed25519), parts.get("ml_dsa_65", mark.ml_dsa_65)
    )
    return replace(batch, signed=Signed(batch.signed.payload_type, batch.signed.payload, stripped))


@pytest.mark.parametrize("part", ["ed25519", "ml_dsa_65"])
@pytest.mark.parametrize("value", [b"", bytes(64)])
def test_a_broken_signature_is_refused(hub: HubKit, part: str, value: bytes) -> None:
    police = hub.agency("police")
    batch = without(police.batch(police.record(PERSON)), **{part: value})
    assert refused(hub, police, batch, consumed=False) == "batch_signature_invalid"


def test_a_changed_statement_is_refused(hub: HubKit) -> None:
    police = hub.agency("police")
    batch = police.batch(police.record(PERSON))
    payload = batch.signed.payload[:-1] + bytes([batch.signed.payload[-1] ^ 1])
    forged = replace(batch, signed=Signed(batch.signed.payload_type, payload, batch.signed.signature))
    assert refused(hub, police, forged, consumed=False) == "batch_signature_invalid"


def test_another_agency_cannot_submit_it(hub: HubKit) -> None:
    police, customs = hub.agency("police"), hub.agency("customs")
    batch = police.batch(police.record(PERSON))
    assert refused(hub, customs, batch, consumed=False) == "batch_signature_invalid"


def test_re_signing_another_agencys_record_as_ones_own_is_refused(hub: HubKit) -> None:
    police, customs = hub.agency("police"), hub.agency("customs")
    stolen = police.record(PERSON)
    receipt = hub.submit(customs, stolen)
    assert [row.code for row in receipt.refusals] == ["batch_wrong_signer"]
    assert rows(hub)[1] == {}


@pytest.mark.parametrize(
    ("changes", "code", "consumed"),
    [
        ({"sequence": 2}, "batch_sequence_gap", False),
        ({"previous": b"x" * 32}, "batch_chain_broken", False),
        ({"audience": "spiffe://other.example/hub/other"}, "batch_audience_wrong", False),
        ({"connector": "spiffe://police.example/connector/other"}, "batch_wrong_signer", False),
        ({"agency": "customs"}, "batch_wrong_signer", False),
        ({"epoch": 2}, "batch_epoch_wrong", True),
        ({"domain": "unheard-of"}, "batch_epoch_wrong", True),
        ({"normaliser": "norm/0"}, "batch_normaliser_wrong", True),
        ({"catalogue": "keys/9"}, "batch_normaliser_wrong", True),
        ({"records": 2}, "batch_incomplete", True),
        ({"root": b"x" * 32}, "batch_root_mismatch", True),
        ({"recipients": b"x" * 32}, "batch_root_mismatch", True),
        ({"created": 2**60}, "batch_clock_skew", True),
    ],
)
def test_a_statement_that_does_not_fit_is_refused(
    hub: HubKit, changes: dict[str, object], code: str, consumed: bool
) -> None:
    police = hub.agency("police")
    record = police.record(PERSON)
    statement: BatchStatement = altered(police.statement(record), **changes)
    batch = police.seal_batch(statement, record)
    assert refused(hub, police, batch, consumed=consumed) == code


def test_a_replayed_number_is_refused(hub: HubKit) -> None:
    police = hub.agency("police")
    hub.submit(police, police.record(PERSON))
    record = police.record(PERSON)
    replayed = altered(police.statement(record), sequence=1)
    assert refused(hub, police, police.seal_batch(replayed, record), consumed=False) == "batch_replayed"


def test_a_refused_batch_does_not_block_the_next(hub: HubKit) -> None:
    police = hub.agency("police")
    record = police.record(PERSON)
    bad = police.seal_batch(altered(police.statement(record), epoch=9), record)
    assert hub.receipt(hub.core.intake.receive(bad, police.identity)).consumed
    police.took(bad)
    assert hub.submit(police, record).accepted


def test_the_refusal_itself_is_answered_again(hub: HubKit) -> None:
    police = hub.agency("police")
    record = police.record(PERSON)
    bad = police.seal_batch(altered(police.statement(record), epoch=9), record)
    assert hub.core.intake.receive(bad, police.identity) == hub.core.intake.receive(bad, police.identity)


def spoilt(record: SealedRecord, name: str) -> SealedRecord:
    match name:
        case "record_token_commitment":
            return record._replace(salt=bytes(32))
        case "record_section_mismatch":
            return record._replace(sections=(record.sections[0]._replace(ciphertext=b"other"),))
        case _:
            return record._replace(header=b"\xff\xff")


@pytest.mark.parametrize("code", ["record_token_commitment", "record_section_mismatch", "header_invalid"])
def test_a_bad_record_does_not_stop_its_batch(hub: HubKit, code: str) -> None:
    police = hub.agency("police")
    bad = spoilt(police.record(PERSON, sections={"identity": b"sealed"}), code)
    receipt = hub.submit(police, bad, police.record({"national number": "x"}))
    assert receipt.accepted
    assert [(row.index, row.code) for row in receipt.refusals] == [(0, code)]
    assert rows(hub) == (1, {"police": 1})


def test_a_record_twice_in_a_batch_is_taken_once(hub: HubKit) -> None:
    police = hub.agency("police")
    same = os.urandom(16)
    receipt = hub.submit(police, police.record(PERSON, record_id=same), police.record(PERSON, record_id=same))
    assert [(row.index, row.code) for row in receipt.refusals] == [(1, "record_revision_stale")]


def test_policy_refuses_single_records_with_reasons(hub: HubKit) -> None:
    police = hub.agency("police")
    child = police.record(PERSON, marking=replace(MARKING, age_band=AgeBand.UNDER_TWELVE))
    secret = police.record(PERSON, marking=replace(MARKING, classification=Classification.TOP_SECRET))
    receipt = hub.submit(police, child, secret, police.record(PERSON))
    assert [(row.index, row.code) for row in receipt.refusals] == [
        (0, "record_refused_by_policy"),
        (1, "record_refused_by_policy"),
    ]
    assert all(row.reasons for row in receipt.refusals)
    assert rows(hub)[1] == {"police": 1}


def test_a_revision_replaces_the_index_rows(hub: HubKit) -> None:
    police = hub.agency("police")
    same = os.urandom(16)
    hub.submit(police, police.record(PERSON, record_id=same))
    receipt = hub.submit(police, police.record({"national number": "other"}, record_id=same, revision=2))
    assert receipt.refusals == ()
    assert rows(hub) == (1, {"police": 1})
    again = hub.submit(police, police.record(PERSON, record_id=same, revision=2))
    assert [row.code for row in again.refusals] == ["record_revision_stale"]


def test_a_withdrawal_leaves_no_index_rows(hub: HubKit) -> None:
    police = hub.agency("police")
    same = os.urandom(16)
    hub.submit(police, police.record(PERSON, record_id=same))
    gone = police.record({}, record_id=same, revision=2, action=RecordAction.WITHDRAW)
    assert hub.submit(police, gone).refusals == ()
    assert rows(hub) == (0, {})


def test_an_unregistered_agency_is_refused(hub: HubKit) -> None:
    stranger = FakeAgency("stranger", hub.roots, hub.clock)
    batch = stranger.batch(stranger.record(PERSON))
    peer = Identity("stranger.example", Role.CONNECTOR, "stranger")
    assert hub.receipt(hub.core.intake.receive(batch, peer)).code == "agency_unknown"


def test_frames_that_do_not_add_up_are_refused_with_the_number_used_up(hub: HubKit) -> None:
    police = hub.agency("police")
    batch = police.batch(police.record(PERSON))
    error = PasserelleError("batch_incomplete", "test")
    receipt = hub.receipt(hub.core.intake.refuse_unassembled(batch.signed, police.identity, error))
    assert (receipt.code, receipt.consumed) == ("batch_incomplete", True)
    assert hub.receipt(hub.core.intake.refuse_unassembled(None, police.identity, error)).consumed is False


@pytest.mark.parametrize("name", ["r" * 65, "r\0"])
def test_a_recipient_that_no_database_can_name_is_refused(hub: HubKit, name: str) -> None:
    police = hub.agency("police")
    record = police.record(PERSON)
    keks = (KekWrap(name, bytes(32), b"sealed"),)
    statement: BatchStatement = altered(police.statement(record), recipients=recipient_digest(keks))
    batch = replace(police.seal_batch(statement, record), keks=keks)
    assert refused(hub, police, batch, consumed=True) == "message_malformed"
