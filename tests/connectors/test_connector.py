"""The whole connector over fakes at its ports: from a CSV file to sealed records at the hub, and back."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from office_kit import (
    BAD_MARKING,
    CHILD,
    EMPTY,
    GOOD,
    SECOND,
    VAULT,
    Office,
)
from patience import until

from passerelle.batch import token_commitment
from passerelle.catalogue import catalogue
from passerelle.codec.header import decode_header
from passerelle.errors import PasserelleError
from passerelle.marking import AgeBand, Handling
from passerelle.record import KekWrap
from passerelle.seal import Purpose, SealLabel
from passerelle.section import SectionLabel
from passerelle.vault import open_section, section_key
from passerelle.wrap import unwrap_kek, unwrap_section_key
from passerelle_connector.model import KnownRow
from passerelle_connector.ports import AcceptedDomain
from passerelle_connector.run import Connector
from passerelle_connector.status import read_status


async def test_rows_arrive_sealed_marked_and_padded(office: Office) -> None:
    office.write(GOOD, SECOND)
    outcome = await office.connector().submit_once()
    assert (outcome.rows, outcome.records, outcome.refused, outcome.complete) == (2, 2, 0, True)
    record = office.sent()[0]
    header = decode_header(record.header)
    assert header.marking.handling is Handling.H2
    assert header.marking.age_band is AgeBand.ADULT
    assert header.token_commitment == token_commitment(record.salt, record.kinds, record.tokens)
    for kind in set(record.kinds):
        shown = record.kinds.count(kind)
        assert shown == catalogue().kind(kind).padded(shown)
    assert [part.name for part in header.sections] == ["identity", "circumstances"]
    assert all((part.length - 40 - 16) % 256 == 0 for part in header.sections)
    assert b"Peeters" not in record.header and not any(b"Peeters" in s.ciphertext for s in record.sections)


async def test_the_owner_and_a_recipient_open_the_sections(office: Office) -> None:
    office.write(GOOD)
    await office.connector().submit_once()
    (batch,) = office.desk.hub.batches
    (record,) = batch.records
    header = decode_header(record.header)
    row = office.stores.rows.known(["P1"])["P1"]
    assert row.record_id == header.record_id
    label = SectionLabel("police", header.record_id, 1, "circumstances")
    salts = {salt.section: salt for salt in office.stores.outbox.salts(header.record_id, 1)}
    own = section_key(VAULT, salts["circumstances"].salt, label)
    plain = json.loads(open_section(own, label, record.sections[1].ciphertext))
    assert plain["fields"] == {"note": ["seen in May"]}

    statement = office.desk.hub.receipts
    (batch_id,) = statement
    (kek,) = batch.keks
    assert isinstance(kek, KekWrap)
    opened = unwrap_kek(
        office.cast.customs.sealing, kek, SealLabel("police", batch_id, "customs", Purpose.BATCH)
    )
    wrapped = {wrap.section: wrap.wrapped for wrap in record.wraps}
    label = SectionLabel("police", header.record_id, 1, "identity")
    key = unwrap_section_key(opened, wrapped["identity"], label)
    identity = json.loads(open_section(key, label, record.sections[0].ciphertext))
    assert identity["fields"]["family_name"] == ["Peeters"]
    assert identity["normalised"]["entity"] == "person"
    assert "P1" not in json.dumps(identity)


async def test_bad_rows_are_set_aside_and_the_rest_goes_on(office: Office) -> None:
    office.write(GOOD, CHILD, BAD_MARKING, EMPTY, GOOD)
    outcome = await office.connector().submit_once()
    assert (outcome.records, outcome.refused) == (1, 4)
    assert {code for code in office.codes() if code[2]} == {
        ("P2", "row_subject_under_12", True),
        ("P3", "row_marking_invalid", True),
        ("P4", "row_no_identifier", True),
        ("P1", "row_reference_repeated", True),
    }
    assert office.desk.hub.position.next_sequence == 2


async def test_unchanged_rows_rest_and_changed_rows_are_revised(office: Office) -> None:
    office.write(GOOD, SECOND)
    await office.connector().submit_once()
    first = office.stores.rows.known(["P1", "P5"])
    assert (await office.connector().submit_once()).records == 0
    office.write(GOOD.replace("H2", "H3"), SECOND)
    assert (await office.connector().submit_once()).records == 1
    after = office.stores.rows.known(["P1", "P5"])
    assert after["P1"].record_id == first["P1"].record_id
    assert (after["P1"].revision, after["P5"].revision) == (2, 1)
    old, new = (
        record for record in office.sent() if decode_header(record.header).record_id == first["P1"].record_id
    )
    assert (old.kinds, old.tokens) == (new.kinds, new.tokens), "dummies too"
    assert old.salt != new.salt


async def test_a_new_epoch_tokenises_everything_again(office: Office, dealt: Any) -> None:
    office.write(GOOD)
    await office.connector().submit_once()
    office.changes["epoch"] = 2
    for trustee in office.trustees.values():
        trustee.down = True
    with pytest.raises(PasserelleError, match="trustees_unavailable"):
        await office.connector().submit_once()
    assert office.stores.rows.known(["P1"])["P1"].revision == 1


async def test_trustees_away_keep_the_rows(office: Office) -> None:
    office.write(GOOD, SECOND)
    office.trustees[1].down = office.trustees[3].down = True
    with pytest.raises(PasserelleError, match="trustees_unavailable"):
        await office.connector().submit_once()
    assert office.stores.rows.count()[0] == 0
    office.trustees[1].down = False
    assert (await office.connector().submit_once()).records == 2


async def test_a_hub_away_does_not_stop_the_reading(office: Office) -> None:
    office.directory.away = True
    office.write(GOOD)
    assert (await office.connector().read_once()).records == 1
    assert read_status(office.stores)["batches"] == {"closed": 1}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"normaliser": "norm/2"}, "batch_normaliser_wrong"),
        ({"catalogue": "keys/2"}, "batch_normaliser_wrong"),
        ({"domains": (AcceptedDomain("ter", (2,), ()),)}, "batch_epoch_wrong"),
        ({"domains": (AcceptedDomain("other", (1,), ()),)}, "batch_epoch_wrong"),
    ],
)
async def test_another_protocol_is_met_before_anything_is_evaluated(
    office: Office, change: dict[str, Any], code: str
) -> None:
    office.directory.description = replace(office.directory.description, **change)
    office.write(GOOD)
    with pytest.raises(PasserelleError, match=code):
        await office.connector().submit_once()
    assert sum(trustee.calls for trustee in office.trustees.values()) == 0


async def test_a_running_connector_waits_and_recovers(office: Office, notification: Any) -> None:
    office.write(GOOD)
    office.trustees[1].down = office.trustees[2].down = True
    running = asyncio.create_task(office.connector().run())
    waits = office.stores.waits
    await until(
        lambda: {"source": "trustees_unavailable"}.items() <= {w.part: w.code for w in waits.all()}.items()
    )
    office.trustees[1].down = False
    await until(lambda: len(office.desk.hub.batches) == 1)
    await until(lambda: "source" not in {wait.part for wait in waits.all()})
    own = office.stores.rows.known(["P1"])["P1"].record_id
    office.desk.hub.notify(notification._replace(own_records=(own,)), 1)
    await until(lambda: office.stores.inbox.cursor() == 1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    figures = read_status(office.stores)
    assert figures["notifications"] == 1 and figures["sequence"] == 1
    assert {wait["part"] for wait in figures["waits"]} <= {"inbox"}, "the fake hub ends every inbox stream"


async def test_a_fault_that_nobody_foresaw_stops_no_loop(
    office: Office, notification: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.write(GOOD)

    def broken(*_: object) -> None:
        raise OSError("no space left")

    connector = office.connector()
    monkeypatch.setattr(office.stores.inbox, "add", broken)
    own = (await _known_after(office, connector)).record_id
    office.desk.hub.notify(notification._replace(own_records=(own,)), 1)
    running = asyncio.create_task(connector.run())
    waits = office.stores.waits
    await until(lambda: ("inbox", "internal") in {(wait.part, wait.code) for wait in waits.all()})
    monkeypatch.undo()
    await until(lambda: office.stores.inbox.cursor() == 1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def _known_after(office: Office, connector: Connector) -> KnownRow:
    await connector.submit_once()
    return office.stores.rows.known(["P1"])["P1"]
