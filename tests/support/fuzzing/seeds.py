"""Well-formed inputs that the fuzzer starts from, so that it gets past the first byte of each format."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from hub_kit import FakeAgency
from judgement_kit import judgement

from passerelle.clock import ManualClock
from passerelle.codec.frames import frames
from passerelle.codec.judgement import encode_judgement
from passerelle.codec.notification import encode_notification
from passerelle.codec.signed import decode_signed
from passerelle.codec.statement import encode_receipt
from passerelle.evaluation_report import EvaluationCount, EvaluationReport, encode_report
from passerelle.groups import Group
from passerelle.judgement import Verdict
from passerelle.notification import Agreement, Band, LinkState, Notification, Relation
from passerelle.record import Receipt, RecordRefusal
from passerelle.registry_entry import encode_entry
from passerelle_pki.ceremony import create_authority


def _agency() -> FakeAgency:
    clock = ManualClock()
    with tempfile.TemporaryDirectory() as folder:
        return FakeAgency(
            "police", create_authority(Path(folder) / "authority", "example", clock).roots, clock
        )


def wire() -> list[bytes]:
    """One small batch as its frames."""
    agency = _agency()
    records = [agency.record({"phone": f"{at}"}, sections={"identity": b"x" * 20}) for at in range(2)]
    raw = [frame.SerializeToString() for frame in frames(agency.batch(*records))]
    return [b"".join(len(one).to_bytes(2, "big") + one for one in raw)]


def envelope() -> list[bytes]:
    """One each of headers, statements, receipts, notifications, judgements, reports, signed messages."""
    agency = _agency()
    record = agency.record({"phone": "1"}, sections={"identity": b"x"})
    batch = agency.batch(record)
    refusal = RecordRefusal(0, "record_refused_by_policy", ("purpose_missing",))
    receipt = Receipt(
        "spiffe://hub.example/hub/ocam",
        "police",
        bytes(16),
        1,
        bytes(32),
        "",
        True,
        (refusal,),
        1,
        1,
        bytes(32),
    )
    count = EvaluationCount("police", Group.PHONE, 1, 2)
    return [
        record.header,
        batch.signed.payload,
        encode_receipt(receipt),
        encode_notification(_notification()),
        encode_judgement(judgement(agency, bytes(16), Verdict.REFUTED)),
        encode_report(EvaluationReport("trustee-1", 20_000, 1, (count,))),
        b"\x00\x10\x07\x00\x99\x01",
    ]


def certificate() -> list[bytes]:
    """Identities, and a chain."""
    return [
        b"spiffe://hub.example/hub/ocam",
        b"spiffe://police.example/connector/police\nspiffe://police.example/connector/two",
        b"spiffe://a.example/trustee/x?y#z",
        _agency().roots,
        base64.b64decode("".join(_agency().roots.decode().splitlines()[1:-1])),
    ]


def policy_answer() -> list[bytes]:
    """An allow and a denial, as an engine answers."""
    base = {"schema": 1, "policy_revision": "active", "data_revision": "active", "redactions": []}
    allow = {**base, "allow": True, "grants": ["role"], "reasons": [], "obligations": []}
    reason = {"code": "purpose_missing", "params": {"needed": 1}}
    deny = {**base, "allow": False, "grants": [], "reasons": [reason], "obligations": []}
    return [
        json.dumps(one).encode()
        for one in (allow, deny, {**allow, "obligations": [{"type": "visibility", "value": "match"}]})
    ]


def manifest() -> list[bytes]:
    """A manifest, plain and signed, and a registry entry."""
    entry = _agency().entry()
    return [decode_signed(entry.manifest).payload, entry.manifest, encode_entry(entry)]


def log() -> list[bytes]:
    """A note, a checkpoint's text, paths of tiles, an entry bundle, changes of what was signed."""
    text = b"spiffe://hub.example/hub/exchange\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
    line = "\u2014 spiffe://hub.example/hub/exchange AAAAAAAAAA==\n".encode()
    head = b"c2sp.org/tlog-proof@v1\nextra e30=\nindex 0\n\n"
    return [
        text,
        text + b"\n" + line,
        head + text + b"\n" + line,
        b"tile/0/x001/234.p/7",
        b"tile/entries/000",
        b"\x00\x01a\x00\x00",
        b"\x00\x22\x34",
    ]


def export() -> list[bytes]:
    """Which file, how, and what: changes of single bytes, and lines that a file may hold."""
    lines = (b"{}", b"[1,2,[3]]", b'[1,"00",[["k",1,"s","00","00"]]]', b'{"subject":"agency/x","fields":{}}')
    return [
        *(bytes([file, 0, 0, at, 65]) for file in range(24) for at in (2, 40)),
        *(bytes([file, 1]) + line + b"\n" for file in range(24) for line in lines),
    ]


def _notification() -> Notification:
    return Notification(
        notification_id=bytes(16), link_id=bytes(16), recipient="police", created=1, own_records=(bytes(16),),
        counterpart="customs", visibility="match", relation=Relation.SAME_PERSON, band=Band.STRONG,
        state=LinkState.NOTIFIED, agreements=(Agreement("birth", "exact", 14.0),), odds=">=32:1",
        handling="H1", urgency="routine", purposes=("counter_terrorism",),
        legal_basis="be_ter_2024", actions=("confirm",),
        obligations=("visibility=match",), decision_id="d", policy_revision="r", weights="weights/1",
    )  # fmt: skip


SEEDS: Mapping[str, Callable[[], list[bytes]]] = {
    "wire": wire,
    "envelope": envelope,
    "certificate": certificate,
    "policy-answer": policy_answer,
    "manifest": manifest,
    "log": log,
    "export": export,
}
