"""Judgements of links at a hub in one process."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace

from hub_kit import FakeAgency, HubKit
from parties import HUB

from passerelle.codec.judgement import decode_receipt, encode_judgement
from passerelle.judgement import (
    JUDGEMENT_TYPE,
    RECEIPT_TYPE,
    Judgement,
    JudgementReceipt,
    Reason,
    Verdict,
)
from passerelle.sign import Signed, sign, verify
from passerelle_hub.store import links

SAME = {
    "surname+given+birth": "jansen jan 1980-02-03",
    "given+birth": "jan 1980-02-03",
    "surname~+birth": "jnsn 1980-02-03",
}
NUMBER = {"national number": "80020312345"}

REASON = {
    Verdict.UNDER_REVIEW: Reason.TAKEN_UP,
    Verdict.CONFIRMED_JUSTIFIED: Reason.DOCUMENTS,
    Verdict.CONFIRMED_UNJUSTIFIED: Reason.BIOMETRICS,
    Verdict.REFUTED: Reason.NAMESAKE,
    Verdict.UNDETERMINED: Reason.TOO_LITTLE,
}


def judgement(agency: FakeAgency, link_id: bytes, verdict: Verdict, **changes: object) -> Judgement:
    """A judgement of a named analyst."""
    given = Judgement(
        audience=str(HUB),
        agency=agency.name,
        connector=str(agency.identity),
        judgement_id=os.urandom(16),
        created=agency.clock.now(),
        link_id=link_id,
        verdict=verdict,
        reason=REASON[verdict],
        purpose="counter_terrorism",
        legal_basis="be_ter_2024",
        case_reference="c-1",
        user="u-17",
        clearance=3,
    )
    return replace(given, **changes)  # type: ignore[arg-type]  # field names are checked by the call itself


def signed_judgement(agency: FakeAgency, given: Judgement) -> Signed:
    """As the agency signs it."""
    return sign(agency.signing, JUDGEMENT_TYPE, encode_judgement(given))


def judge(
    hub: HubKit, agency: FakeAgency, link_id: bytes, verdict: Verdict, **changes: object
) -> JudgementReceipt:
    """The verified receipt for a judgement."""
    hub.clock.advance(40_000_000)  # past what policy remembers
    signed = signed_judgement(agency, judgement(agency, link_id, verdict, **changes))
    raw = hub.core.judgements.judge(signed, agency.identity)
    receipt = decode_receipt(verify(raw, hub.core.foundation.signing_key.public, RECEIPT_TYPE))
    assert receipt.statement == hashlib.sha256(signed.payload).digest()
    return receipt


def linked(hub: HubKit, *names: str) -> bytes:
    """Agencies with a record each of one person; the id of the first link."""
    for name in names:
        hub.submit(hub.agency(name), hub.agency(name).record(SAME | NUMBER))
    hub.beat()
    return link_of(hub, 1).link_id


def link_of(hub: HubKit, number: int) -> links.StoredLink:
    """A link by its key."""
    with hub.core.database.read() as tx:
        return links.by_key(tx, [number])[0]
