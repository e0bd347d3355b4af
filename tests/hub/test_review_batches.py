"""Transaction A under hostile or unlucky batches: always a signed answer, never a broken hub."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hub_kit import FakeAgency, HubKit, Outage, altered, hub_kit
from parties import MARKING
from sqlalchemy import func, select

from passerelle.batch import token_commitment
from passerelle.catalogue import catalogue
from passerelle.clock import DAY
from passerelle.codec.header import decode_header, encode_header
from passerelle.errors import PasserelleError
from passerelle.marking import TerCategory
from passerelle.record import Batch, Lifetime, RecordAction, SealedRecord, SectionKeyWrap
from passerelle.registry_entry import Status
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.engine import Engine
from passerelle_hub.store import log_store, quotas, records
from passerelle_hub.store.tables import section

PERSON = {"surname+given+birth": "jansen jan 1980-02-03", "national number": "80020312345"}


def reheaded(record: SealedRecord, **changes: object) -> SealedRecord:
    header = decode_header(record.header)._replace(**changes)  # type: ignore[arg-type]  # checked by the call
    return record._replace(header=encode_header(header))


def audited(hub: HubKit) -> dict[str, int]:
    with hub.core.database.read() as tx:
        return log_store.counts(tx)


def test_a_token_twice_in_a_record_refuses_the_record(hub: HubKit) -> None:
    police = hub.agency("police")
    kind = next(kind for kind in catalogue().kinds.values() if kind.max_values > 1)
    record = police.record({kind.name: "x"}, entity=min(kind.entities))
    kinds, tokens = (kind.id, kind.id), record.tokens * 2
    commitment = token_commitment(record.salt, kinds, tokens)
    twice = reheaded(record._replace(kinds=kinds, tokens=tokens), token_commitment=commitment)
    receipt = hub.submit(police, twice, police.record(PERSON))
    assert [(row.index, row.code) for row in receipt.refusals] == [(0, "tokens_malformed")]


def test_a_wrap_twice_in_a_record_refuses_the_record(hub: HubKit) -> None:
    police = hub.agency("police")
    wrap = SectionKeyWrap("customs", "identity", b"wrapped")
    record = police.record(PERSON, sections={"identity": b"sealed"})._replace(wraps=(wrap, wrap))
    receipt = hub.submit(police, record, police.record(PERSON))
    assert [(row.index, row.code) for row in receipt.refusals] == [(0, "record_section_mismatch")]


@pytest.mark.parametrize("lifetime", [Lifetime(1, expiry=-1), Lifetime(-1), Lifetime(1, review=-(2**63))])
def test_a_time_before_the_epoch_is_no_way_around_the_expiry(hub: HubKit, lifetime: Lifetime) -> None:
    police = hub.agency("police")
    receipt = hub.submit(police, reheaded(police.record(PERSON), lifetime=lifetime))
    assert [row.code for row in receipt.refusals] == ["header_invalid"]


def test_a_withdrawn_record_keeps_no_sections_and_its_erasure_is_audited(hub: HubKit) -> None:
    police, same = hub.agency("police"), os.urandom(16)
    hub.submit(police, police.record(PERSON, record_id=same, sections={"identity": b"sealed"}))
    hub.submit(police, police.record({}, record_id=same, revision=2, action=RecordAction.WITHDRAW))
    with hub.core.database.read() as tx:
        assert tx.scalar(select(func.count()).select_from(section)) == 0
    assert audited(hub)["record.erased"] == 1


def unassembled(hub: HubKit, agency: FakeAgency, batch: Batch) -> tuple[str, bool]:
    error = PasserelleError("batch_too_large", "test")
    receipt = hub.receipt(hub.core.intake.refuse_unassembled(batch.signed, agency.identity, error))
    return receipt.code, receipt.consumed


def test_a_batch_refused_in_its_frames_gets_the_same_refusal_again(hub: HubKit) -> None:
    police = hub.agency("police")
    batch = police.batch(police.record(PERSON))
    assert unassembled(hub, police, batch) == unassembled(hub, police, batch) == ("batch_too_large", True)
    assert hub.core.intake.position(police.identity).next_sequence == 2


def test_a_batch_id_used_before_is_a_replay_in_its_frames_too(hub: HubKit) -> None:
    police = hub.agency("police")
    first = police.batch(police.record(PERSON))
    used = hub.receipt(hub.core.intake.receive(first, police.identity)).batch_id
    police.took(first)
    record = police.record(PERSON)
    second = police.seal_batch(altered(police.statement(record), batch_id=used), record)
    assert unassembled(hub, police, second) == ("batch_replayed", False)


def test_a_suspended_agency_is_refused_here_as_well(hub: HubKit) -> None:
    police = hub.agency("police")
    hub.register(police.entry(revision=2, status=Status.SUSPENDED))
    batch = police.batch(police.record(PERSON))
    receipt = hub.receipt(hub.core.intake.receive(batch, police.identity))
    assert (receipt.code, receipt.consumed) == ("agency_suspended", False)


def test_an_unforeseen_fault_is_a_signed_refusal_and_leaves_nothing(
    hub: HubKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a value that must not be shown")

    police = hub.agency("police")
    with monkeypatch.context() as patch:
        patch.setattr(records, "put_keks", broken)
        receipt = hub.submit(police, police.record(PERSON))
    assert (receipt.code, receipt.consumed) == ("internal", True)
    with hub.core.database.read() as tx:
        assert records.counts(tx) == {}
    assert hub.submit(police, police.record(PERSON)).accepted


def test_without_policy_a_batch_is_refused_as_a_whole_and_costs_nothing(
    tmp_path: Path, engine: Engine, bundle: Bundle
) -> None:
    outage = Outage(engine, down=True)
    with hub_kit(tmp_path, outage, bundle) as hub:
        police = hub.agency("police")
        receipt = hub.submit(police, police.record(PERSON))
        assert (receipt.code, receipt.consumed, receipt.refusals) == ("policy_unavailable", True, ())
        with hub.core.database.read() as tx:
            assert quotas.used(tx, "police", "records", hub.clock.now() // DAY) == 0
        outage.down = False
        assert hub.submit(police, police.record(PERSON)).refusals == ()


def test_an_outage_costs_no_record_although_others_are_still_remembered_as_allowed(
    tmp_path: Path, engine: Engine, bundle: Bundle
) -> None:
    outage = Outage(engine)
    with hub_kit(tmp_path, outage, bundle) as hub:
        police = hub.agency("police")
        assert hub.submit(police, police.record(PERSON)).accepted
        outage.down = True
        other = replace(MARKING, ter_category=TerCategory.PRE_INVESTIGATION)
        receipt = hub.submit(police, police.record(PERSON), police.record(PERSON, marking=other))
        assert (receipt.code, receipt.consumed, receipt.refusals) == ("policy_unavailable", True, ())
