"""Numbers that no database column holds: whatever asks for one is refused with a code, and nothing faults.

The wire has 64 bits without a sign, signed documents have numbers of any length, a BIGINT has 63 bits.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hub_kit import HubKit, altered
from judgement_kit import judgement, linked, signed_judgement
from parties import HUB, entry_of
from query_kit import question, signed_question

from passerelle.clock import DAY
from passerelle.codec.header import decode_header, encode_header
from passerelle.codec.holdings import question_in
from passerelle.codec.log import query_in
from passerelle.codec.signed import encode_signed
from passerelle.errors import PasserelleError
from passerelle.evaluation_report import REPORT_TYPE
from passerelle.groups import Group
from passerelle.holdings import BUCKETS, NONCE_BYTES
from passerelle.identity import Identity, Role
from passerelle.judgement import Verdict
from passerelle.manifest import KeyEntry, issue_first
from passerelle.note import Note
from passerelle.record import Lifetime
from passerelle.sign import SigningKey, sign
from passerelle.wire.v1 import (
    administration_pb2,
    closer_pb2,
    directory_pb2,
    exchange_pb2,
    judgement_pb2,
    preview_pb2,
    query_pb2,
    transparency_pb2,
    trustee_pb2,
)
from passerelle_hub.logbook.reading import LogReader
from passerelle_hub.logbook.search import LogSearch
from passerelle_hub.logbook.witnesses import Witnesses

WORDS = {"surname+given+birth": "jansen jan 1980-02-03", "national number": "80020312345"}
LARGE = (2**63, 2**64 - 1)
MODULES: tuple[Any, ...] = (
    administration_pb2, closer_pb2, directory_pb2, exchange_pb2, judgement_pb2, preview_pb2, query_pb2,
    transparency_pb2, trustee_pb2,
)  # fmt: skip


def search(**asked: int) -> Callable[[HubKit], object]:
    message = transparency_pb2.SearchRequest(purpose="inspection", **{"limit": 10, **asked})  # type: ignore[arg-type]  # numbers all
    return lambda hub: LogSearch(hub.core.database).page(query_in(message))


def consistency(old: int, new: int) -> Callable[[HubKit], object]:
    return lambda hub: LogReader(hub.core.database, hub.core.transparency).consistency(old, new)


def opened(number: int) -> Callable[[HubKit], object]:
    return lambda hub: hub.core.outgoing.open(hub.agency("police").identity, number)


def acknowledged(number: int) -> Callable[[HubKit], object]:
    return lambda hub: hub.core.outgoing.acknowledge(hub.agency("police").identity, number)


def claimed(next_sequence: int, count: int) -> Callable[[HubKit], object]:
    claim = exchange_pb2.HoldingsClaim(next_sequence=next_sequence, count=count, buckets=bytes(32 * BUCKETS))
    message = exchange_pb2.ReconcileRequest(nonce=bytes(NONCE_BYTES), compare=claim)

    def ask(hub: HubKit) -> None:
        peer = hub.agency("police").identity
        answer = hub.core.holdings.answer(peer, question_in(message))
        hub.core.holdings.note(peer, answer)

    return ask


ASKED: dict[str, tuple[Callable[[int], Callable[[HubKit], object]], str]] = {
    "SearchRequest.since": (lambda n: search(since=n), "message_malformed"),
    "SearchRequest.until": (lambda n: search(until=n), "message_malformed"),
    "SearchRequest.after": (lambda n: search(after=n), "message_malformed"),
    "ConsistencyProofRequest.old_size": (lambda n: consistency(n, n), "proof_unavailable"),
    "ConsistencyProofRequest.new_size": (lambda n: consistency(1, n), "proof_unavailable"),
    "NotificationsRequest.from_cursor": (opened, "cursor_invalid"),
    "NotificationsRequest.acknowledge": (acknowledged, "cursor_invalid"),
    "HoldingsClaim.next_sequence": (lambda n: claimed(n, 0), ""),
    "HoldingsClaim.count": (lambda n: claimed(1, n), ""),
}
"""Each 64-bit number of a request to the hub, and the code of one too large (none: it is compared alone)."""


def code(ask: Callable[[HubKit], object], hub: HubKit) -> str:
    try:
        ask(hub)
    except PasserelleError as error:
        return error.code
    return ""


@pytest.mark.parametrize("number", LARGE)
@pytest.mark.parametrize("name", ASKED)
def test_a_number_of_a_request(hub: HubKit, name: str, number: int) -> None:
    hub.agency("police")
    hub.beat()
    ask, expected = ASKED[name]
    assert code(ask(number), hub) == expected
    assert code(search(), hub) == ""


@pytest.mark.parametrize("name", ["SearchRequest.since", "SearchRequest.until", "SearchRequest.after"])
def test_the_largest_number_that_is_kept_may_be_asked_for(hub: HubKit, name: str) -> None:
    hub.agency("police")
    assert code(ASKED[name][0](2**63 - 1), hub) == ""


def _numbers(message: Descriptor, seen: set[str]) -> Iterator[str]:
    if message.full_name in seen:
        return
    seen.add(message.full_name)
    for field in message.fields:
        if field.message_type is not None:
            yield from _numbers(field.message_type, seen)
        elif field.cpp_type in (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64):
            yield f"{message.name}.{field.name}"


def test_each_large_number_of_a_request_is_looked_at() -> None:
    seen: set[str] = set()
    services = [service for module in MODULES for service in module.DESCRIPTOR.services_by_name.values()]
    found = {
        name for service in services for call in service.methods for name in _numbers(call.input_type, seen)
    }
    assert found == ASKED.keys()


@pytest.mark.parametrize("number", [2**63 // 256, 10**18 - 1])
@pytest.mark.parametrize("level", ["entries", "5"])
def test_a_tile_further_than_any_tree(hub: HubKit, level: str, number: int) -> None:
    digits = f"{number:033}"
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    while groups[0] == "000":
        groups.pop(0)
    path = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    tiles = LogReader(hub.core.database, hub.core.transparency).tiles
    assert code(lambda _: tiles([f"tile/{level}/{path}"]), hub) == "tile_unknown"


@pytest.mark.parametrize("number", [2**63, 10**30])
def test_a_checkpoint_larger_than_any_tree(hub: HubKit, number: int) -> None:
    core, police = hub.core, hub.agency("police")
    witnesses = Witnesses(core.database, core.registry, core.audit, hub.clock)
    text = f"{HUB}\n{number}\n{base64.b64encode(bytes(32)).decode()}\n".encode()
    assert code(lambda _: witnesses.cosign(police.identity, Note(text, ())), hub) == "message_malformed"


@pytest.mark.parametrize("number", [2**63, 10**30])
@pytest.mark.parametrize("field", ["made", "requests", "elements"])
def test_a_report_of_more_than_can_be(hub: HubKit, field: str, number: int) -> None:
    trustee, key = Identity("trustees.example", Role.TRUSTEE, "trustee-1"), SigningKey.generate()
    now = hub.clock.now()
    signs = KeyEntry(key.public, now, now + DAY)
    manifest = encode_signed(issue_first(SigningKey.generate(), trustee, signs))
    hub.register(entry_of(trustee, hub.roots, manifest, now))
    said = {"made": now, "requests": 1, "elements": number if field == "requests" else 1, field: number}
    counts = [["police", Group.PHONE.value, said["requests"], said["elements"]]]
    document = {"counts": counts, "day": now // DAY, "made": said["made"], "trustee": trustee.agency}
    raw = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    signed = sign(key, REPORT_TYPE, raw)
    assert code(lambda _: hub.core.reports.take(trustee, signed), hub) == "evaluation_report_invalid"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sequence": 2**63}, "batch_sequence_gap"),
        ({"sequence": 2**64 - 1}, "batch_sequence_gap"),
        ({"epoch": 2**32 - 1}, "message_malformed"),
        ({"created": 2**63 - 1}, "batch_clock_skew"),
        ({"created": -(2**63)}, ""),
    ],
)
def test_a_number_of_a_statement(hub: HubKit, changes: dict[str, int], expected: str) -> None:
    police = hub.agency("police")
    record = police.record(WORDS)
    batch = police.seal_batch(altered(police.statement(record), **changes), record)
    assert hub.receipt(hub.core.intake.receive(batch, police.identity)).code == expected
    hub.beat()


def test_a_record_may_be_kept_until_the_end_of_time(hub: HubKit) -> None:
    police, end = hub.agency("police"), 2**63 - 1
    record = police.record(WORDS)
    header = decode_header(record.header)._replace(lifetime=Lifetime(1, end, end, end, end))
    assert hub.submit(police, record._replace(header=encode_header(header))).refusals == ()
    hub.beat()
    assert hub.core.retention.sweep() == 0


@pytest.mark.parametrize(
    ("field", "number"),
    [
        ("epoch", 2**31),
        ("epoch", 2**32 - 1),
        ("clearance", 2**32 - 1),
        ("created", 2**63 - 1),
        ("kinds", 2**32 - 1),
    ],
)
def test_a_number_of_a_question(hub: HubKit, field: str, number: int) -> None:
    police = hub.agency("police")
    asked = question(police, {"national number": "1"})
    asked = replace(asked, **{field: (number,) if field == "kinds" else number})  # type: ignore[arg-type]  # by name
    signed = signed_question(police, asked)
    expected = {
        "epoch": "batch_epoch_wrong", "clearance": "query_denied", "created": "query_stale",
        "kinds": "record_kind_unknown",
    }  # fmt: skip
    assert code(lambda kit: kit.core.queries.answer(signed, police.identity), hub) == expected[field]


@pytest.mark.parametrize(("field", "number"), [("clearance", 2**32 - 1), ("created", 2**63 - 1)])
def test_a_number_of_a_judgement(hub: HubKit, field: str, number: int) -> None:
    link, police = linked(hub, "police", "intelligence"), hub.agency("police")
    given = judgement(police, link, Verdict.REFUTED, **{field: number})
    signed = signed_judgement(police, given)
    expected = {"clearance": "judgement_denied", "created": "judgement_stale"}[field]
    assert code(lambda kit: kit.core.judgements.judge(signed, police.identity), hub) == expected
