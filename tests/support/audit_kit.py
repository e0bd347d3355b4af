"""A hub with a bit of everything that the log covers, its export, and the verifier's word on it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hub_kit import YEAR, FakeAgency, HubKit
from judgement_kit import judge, link_of
from parties import HUB, MARKING, entry_of, manifest_of
from simulator import register_hub

from passerelle.audit.verify import Verified, verify_export
from passerelle.batch import recipient_digest
from passerelle.errors import PasserelleError
from passerelle.evaluation_report import EvaluationReport
from passerelle.judgement import Verdict
from passerelle.marking import TerCategory
from passerelle.record import KekWrap, RecordAction, SectionKeyWrap
from passerelle_hub.audit import EventKind
from passerelle_hub.logbook import vouch
from passerelle_hub.logbook.export import Exporter
from passerelle_hub.store import evaluations

SAME = {"surname+given+birth": "jansen jan 1980-02-03", "national number": "80020312345"}
PRE_INVESTIGATION = replace(MARKING, ter_category=TerCategory.PRE_INVESTIGATION)


def lively(hub: HubKit) -> None:
    """Batches accepted and refused, records revised, withdrawn and linked, notifications, a letter."""
    register_hub(hub)
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    hub.beat()
    _linked(hub, police, intelligence)
    judge(hub, police, link_of(hub, 1).link_id, Verdict.CONFIRMED_JUSTIFIED)
    first = os.urandom(16)
    hub.submit(police, police.record({"national number": "1"}, record_id=first))
    hub.submit(police, police.record({"national number": "2"}, record_id=first, revision=2))
    gone = os.urandom(16)
    hub.submit(police, police.record({"national number": "3"}, record_id=gone, sections={"identity": b"x"}))
    hub.submit(police, police.record({}, record_id=gone, revision=2, action=RecordAction.WITHDRAW))
    hub.submit(police, police.record({"national number": "4"}, marking=PRE_INVESTIGATION))
    hub.submit(
        police, police.record({"national number": "4"}), domain="nowhere"
    )  # refused, uses up its number
    _wrapped(hub, police)
    _undelivered(hub, police)
    _reported(hub)
    hub.beat()
    hub.core.outgoing.acknowledge(police.identity, 1)
    hub.beat()


def past_expiry(hub: HubKit) -> None:
    """Half a year later: what is past its time is erased, lawfully."""
    hub.clock.advance(200 * 86_400 * 1_000_000)
    assert hub.core.retention.sweep() == 1
    hub.beat()


def exported(hub: HubKit, folder: Path) -> Path:
    """A fresh checkpoint, and an export up to it."""
    with hub.core.database.write() as tx:
        hub.core.transparency.checkpoint(tx)
    shutil.rmtree(folder, ignore_errors=True)
    Exporter(hub.core.database, HUB).write(folder)
    return folder


def verified(hub: HubKit, folder: Path) -> Verified:
    """What the verifier says of a fresh export."""
    return verify_export(exported(hub, folder), hub.registry_key.public, 0)


def refused(hub: HubKit, folder: Path) -> str:
    """The first false thing that the verifier names; empty where it finds nothing."""
    try:
        verified(hub, folder)
    except PasserelleError as error:
        return f"{error.code}: {error.detail}"
    return ""


def _linked(hub: HubKit, one: FakeAgency, other: FakeAgency) -> None:
    sections: Mapping[str, bytes] = {"identity": b"sealed identity", "source": b"sealed source"}
    hub.submit(one, one.record(SAME, sections=sections))
    hub.submit(other, other.record(SAME, sections=sections))
    hub.beat()


def _wrapped(hub: HubKit, agency: FakeAgency) -> None:
    """A record with a section key for another agency."""
    record = agency.record({"national number": "5"}, sections={"identity": b"sealed"})
    record = record._replace(wraps=(SectionKeyWrap("intelligence", "identity", b"wrapped"),))
    keks = (KekWrap("intelligence", bytes(32), b"sealed key"),)
    statement = replace(agency.statement(record), recipients=recipient_digest(keks))
    batch = replace(agency.seal_batch(statement, record), keks=keks)
    assert hub.receipt(hub.core.intake.receive(batch, agency.identity)).accepted
    agency.took(batch)


def _undelivered(hub: HubKit, agency: FakeAgency) -> None:
    """A link with an agency that has no key to be told with."""
    other = hub.agency("customs")
    now = hub.clock.now()
    manifest = manifest_of(other.identity, other.manifest_key, other.signing.public, None, now, now + YEAR)
    hub.register(entry_of(other.identity, hub.roots, manifest, now, revision=2))
    words = {name: f"{word} other" for name, word in SAME.items()}
    hub.submit(agency, agency.record(words))
    hub.submit(other, other.record(words))


def _reported(hub: HubKit) -> None:
    """A trustee's report, as its step writes it."""
    report = EvaluationReport("trustee-1", 20_000, hub.clock.now(), ())
    raw = b"signed report"
    with hub.core.database.write() as tx:
        vouched = vouch.report(report.trustee, report.day, report.made, raw)
        hub.core.audit.append(tx, EventKind.EVALUATIONS_REPORTED, "trustee", vouch=vouched)
        evaluations.put_report(tx, report, raw)
