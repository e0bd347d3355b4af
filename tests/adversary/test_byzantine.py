"""Hub, trustee and connector that lie: each lie is refused or an alarm, by a code, and the liar is named.

Here are the lies that need a whole federation or real trustees. Lies with the hub's log (a hidden event,
another notification than the logged one, swapped keys, two views) are in `simulator/test_log_promises.py` and
`hub/logbook/test_witnesses.py`, records that a hub dropped in `simulator/test_reconciliation.py`, forged
receipts and reordered notifications in `bad_inputs.toml`, envelopes in `test_envelope_matrix.py`, cheats in
a ceremony in `trustees/ceremonies/test_session.py`.
"""

from __future__ import annotations

import base64
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from audit_kit import verified
from bad_answers import NOTE, PHONE, Fault, Quorum, open_desk
from connector_kit import make_cast
from hub_kit import FakeAgency, HubKit, altered, hub_kit
from mapping_kit import NAMES, mapping
from simulator import Federation, Member, federation, register_hub
from sqlalchemy import select

from passerelle.batch import token_commitment
from passerelle.catalogue import catalogue
from passerelle.clock import SECOND
from passerelle.codec.header import decode_header, encode_header, encode_marking
from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.identity import Identity
from passerelle.marking import Classification
from passerelle.oprf import threshold
from passerelle.oprf.keys import KeyShare
from passerelle.oprf.protocol import EvaluateAnswer, EvaluateRequest
from passerelle.record import Batch, BatchStatement, Position, RecordAction, SealedRecord, SectionDigest
from passerelle.sign import Signed
from passerelle_connector.keys import Key
from passerelle_connector.model import Wait
from passerelle_hub.admit import Admission, AdmittedBatch, AdmittedRecord
from passerelle_hub.audit import EventKind
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.store import holdings, links, log_tables
from passerelle_trustee.ceremony import DevelopmentKeys, deal_for_development

SAME = {"surname+given+birth": "jansen jan 1980-02-03", "national number": "80020312345"}
CONFIG = mapping(NAMES)


# A hub that withholds, or tells again.


@pytest.fixture
async def linked(
    tmp_path: Path, embedded: EmbeddedEngine, bundle: Bundle
) -> AsyncIterator[tuple[Federation, Member]]:
    """Police have a match that the hub has logged, and of which it says nothing."""
    with hub_kit(tmp_path, embedded, bundle) as kit:
        async with federation(kit, tmp_path) as made:
            for agency in ("police", "intelligence"):
                rows = b"id,name,first,born\n1,Peeters,Anna,1980-02-03\n"
                await made.join(agency, CONFIG, {"rows.csv": rows}).submit()
            logged(made)
            yield made, made.members["police"]


def logged(made: Federation) -> None:
    made.beat()
    core = made.kit.core
    with core.database.write() as tx:
        core.transparency.checkpoint(tx)


async def watched(member: Member) -> str:
    """The code that a round of the watch ends with."""
    assert member.connector.log_watch is not None
    try:
        await member.connector.log_watch.round()
    except PasserelleError as error:
        return error.code
    return ""


def later(made: Federation) -> None:
    made.kit.clock.advance(100 * SECOND)
    logged(made)


async def test_a_logged_notification_that_is_withheld_is_an_alarm_with_proof(
    linked: tuple[Federation, Member],
) -> None:
    made, police = linked
    assert await watched(police) == ""  # patience
    later(made)
    assert await watched(police) == "notification_withheld"
    (alarm,) = (police.settings.path("log") / "evidence").iterdir()
    assert b"notification/police/1" in decoded(alarm / "proof")
    await police.read_inbox()
    assert await watched(police) == ""


def decoded(proof: Path) -> bytes:
    line = proof.read_bytes().splitlines()[1]
    return base64.b64decode(line.removeprefix(b"extra "))


async def test_who_cannot_read_does_not_accuse_the_hub(linked: tuple[Federation, Member]) -> None:
    made, police = linked
    assert await watched(police) == ""
    police.stores.waits.note(Wait("inbox", "lists_stale", made.kit.clock.now()))
    later(made)
    assert await watched(police) == ""


async def test_an_old_notification_told_again_as_new_is_refused(tmp_path: Path) -> None:
    desk = open_desk(make_cast(), tmp_path)
    desk.put(1)
    desk.hub.notify(NOTE, 1)
    desk.hub.notify(NOTE, 2)  # signed and sealed by the hub itself, under the next number
    try:
        with pytest.raises(PasserelleError, match="notification_invalid") as refused:
            await desk.inbox.run()
        assert refused.value.detail == "number 2: number 1 again"
        assert [item.sequence for item in desk.notices.items()] == [1]
        assert desk.hub.acknowledged == [1]
    finally:
        desk.close()


# A trustee that answers wrongly.


@pytest.fixture(scope="module")
def quorum(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quorum]:
    made = Quorum(tmp_path_factory.mktemp("quorum"), deal_for_development(["ter"]))
    yield made
    made.close()


OTHER: DevelopmentKeys = deal_for_development(["ter"])
"""Another dealing of the same keys' names: what a trustee holds that missed a new key."""


def share(dealt: DevelopmentKeys, index: int) -> KeyShare:
    return dealt.books[index - 1].find("ter", Group.PHONE, 1, 1)


def another_share(quorum: Quorum) -> Fault:
    """The answer of the other one of the quorum, in its own name."""

    def fault(request: EvaluateRequest, answer: EvaluateAnswer) -> EvaluateAnswer:
        (other,) = set(request.quorum) - {answer.index}
        return replace(threshold.evaluate(share(quorum.dealt, other), request), index=answer.index)

    return fault


def stale_key(_: Quorum) -> Fault:
    return lambda request, answer: threshold.evaluate(share(OTHER, answer.index), request)


def another_proof(_: Quorum) -> Fault:
    """Right elements with a proof that was made for others."""

    def fault(request: EvaluateRequest, answer: EvaluateAnswer) -> EvaluateAnswer:
        return replace(answer, proof=threshold.evaluate(share(OTHER, answer.index), request).proof)

    return fault


def another_order(_: Quorum) -> Fault:
    def fault(_request: EvaluateRequest, answer: EvaluateAnswer) -> EvaluateAnswer:
        first, second = answer.elements[:32], answer.elements[32:]
        return replace(answer, elements=second + first)

    return fault


def another_generation(_: Quorum) -> Fault:
    return lambda _request, answer: replace(answer, generation=answer.generation + 1)


LIES: dict[str, tuple[Callable[[Quorum], Fault], str]] = {
    "another's share": (another_share, "trustee_proof_invalid"),
    "a stale key": (stale_key, "trustee_proof_invalid"),
    "another proof": (another_proof, "trustee_proof_invalid"),
    "another order": (another_order, "trustee_proof_invalid"),
    "another generation": (another_generation, "share_generation_mixed"),
}


@pytest.mark.parametrize("name", LIES)
async def test_a_lying_trustee_is_named_and_gives_no_token(quorum: Quorum, name: str) -> None:
    lie, code = LIES[name]
    phones = [(Key(PHONE, os.urandom(8)), Key(PHONE, os.urandom(8)))]
    quorum.spoil(lie(quorum), 1, 2)  # with two of three there is no quorum without one of them
    try:
        with pytest.raises(PasserelleError, match="trustees_unavailable") as refused:
            await quorum.tokeniser.tokenise(phones)
        assert f"1 {code}" in (refused.value.detail or "")
        assert f"2 {code}" in (refused.value.detail or "")
    finally:
        quorum.spoil(None, 1, 2)
    assert len((await quorum.tokeniser.tokenise(phones))[0]) == 2


# A connector that lies.


@pytest.fixture(scope="module")
def hub(
    tmp_path_factory: pytest.TempPathFactory, embedded: EmbeddedEngine, bundle: Bundle
) -> Iterator[HubKit]:
    with hub_kit(tmp_path_factory.mktemp("hub"), embedded, bundle) as kit:
        yield kit


def told(hub: HubKit, agency: FakeAgency, batch: Batch) -> tuple[str, tuple[str, ...]]:
    """Code of the batch, codes of records; a refused batch is in the log under the liar's name."""
    receipt = hub.receipt(hub.core.intake.receive(batch, agency.identity))
    if receipt.consumed:
        agency.took(batch)
    if receipt.code:
        event = log_tables.audit_event
        last = select(event.c.kind, event.c.actor).order_by(event.c.event_pk.desc()).limit(1)
        with hub.core.database.read() as tx:
            assert tuple(tx.execute(last).one()) == (EventKind.BATCH_REFUSED.value, str(agency.identity))
    return receipt.code, tuple(row.code for row in receipt.refusals)


def test_wrong_counts_are_refused_and_named(hub: HubKit) -> None:
    customs = hub.agency("customs")
    record = customs.record(SAME)
    batch = customs.seal_batch(altered(customs.statement(record), records=7), record)
    assert told(hub, customs, batch) == ("batch_incomplete", ())


def test_digests_of_other_sections_are_refused(hub: HubKit) -> None:
    customs = hub.agency("customs")
    record = customs.record(SAME, sections={"identity": b"sealed"})
    false = SectionDigest("identity", bytes(32), len(b"sealed"))
    header = decode_header(record.header)._replace(sections=(false,))
    lied = record._replace(header=encode_header(header))
    assert told(hub, customs, customs.batch(lied)) == ("", ("record_section_mismatch",))


def test_two_batches_under_one_number_are_refused_and_named(hub: HubKit) -> None:
    customs = hub.agency("customs")
    one, other = (customs.batch(customs.record(SAME)) for _ in range(2))
    assert told(hub, customs, one) == ("", ())
    assert told(hub, customs, other) == ("batch_replayed", ())


def test_tokens_that_nobody_evaluated_match_nothing(hub: HubKit) -> None:
    """Made up by the connector: they are no key's, so nobody shares one; the hub takes them as any others."""
    police, customs = hub.agency("police"), hub.agency("customs")
    assert hub.submit(police, police.record(SAME)).accepted
    before = linked_pairs(hub)
    assert told(hub, customs, customs.batch(invented(customs))) == ("", ())
    assert linked_pairs(hub) == before


def invented(agency: FakeAgency) -> SealedRecord:
    record = agency.record(SAME)
    tokens, kinds = os.urandom(len(record.tokens)), record.kinds
    assert all(kind in catalogue().kinds for kind in kinds)
    header = decode_header(record.header)
    commitment = token_commitment(record.salt, kinds, tokens)
    changed = header._replace(token_commitment=commitment)
    return record._replace(tokens=tokens, header=encode_header(changed))


def linked_pairs(hub: HubKit) -> int:
    hub.beat()
    with hub.core.database.read() as tx:
        return sum(links.counts(tx).values())


def test_nobody_withdraws_anothers_record(hub: HubKit) -> None:
    police, customs = hub.agency("police"), hub.agency("customs")
    record_id = os.urandom(16)
    assert hub.submit(police, police.record(SAME, record_id=record_id)).accepted
    own = customs.record({}, record_id=record_id, revision=2, action=RecordAction.WITHDRAW)
    told(hub, customs, customs.batch(own))  # in its own name it withdraws a record that it never had
    with hub.core.database.read() as tx:
        assert dict(holdings.active(tx, "police"))[record_id] == 1
    theirs = police.record({}, record_id=record_id, revision=2, action=RecordAction.WITHDRAW)
    assert told(hub, customs, customs.batch(theirs)) == ("", ("batch_wrong_signer",))
    with hub.core.database.read() as tx:
        assert dict(holdings.active(tx, "police"))[record_id] == 1


def test_nobody_acknowledges_what_was_not_sent_or_for_another(hub: HubKit) -> None:
    police, customs = hub.agency("police"), hub.agency("customs")
    words = {name: f"{word} again" for name, word in SAME.items()}
    assert hub.submit(police, police.record(words)).accepted
    assert hub.submit(customs, customs.record(words)).accepted
    hub.beat()
    last = len(hub.inbox(police))
    with pytest.raises(PasserelleError, match="cursor_invalid"):
        hub.core.outgoing.acknowledge(police.identity, last + 1)
    hub.core.outgoing.acknowledge(customs.identity, len(hub.inbox(customs)))
    assert len(hub.inbox(police)) == last


# A hub that changes what it was given before it writes it down, so that its own log vouches for the change.


@dataclass
class Downgrading:
    """Admission that makes every record unclassified; what it does not change, it passes on."""

    honest: Admission

    def authenticate(self, signed: Signed, peer: Identity) -> BatchStatement:
        return self.honest.authenticate(signed, peer)

    def place(self, statement: BatchStatement, position: Position) -> None:
        self.honest.place(statement, position)

    def content(self, batch: Batch, statement: BatchStatement) -> AdmittedBatch:
        true = self.honest.content(batch, statement)
        return replace(true, records=tuple(self._lower(one) for one in true.records))

    def _lower(self, one: AdmittedRecord) -> AdmittedRecord:
        true = decode_header(one.header)
        lower = replace(true.marking, classification=Classification.UNCLASSIFIED)
        header = encode_header(true._replace(marking=lower))
        return one._replace(header=header, marking=encode_marking(lower))


@pytest.mark.parametrize("refused", [False, True], ids=["all taken", "one refused"])
def test_a_hub_that_writes_down_another_header_is_found_by_the_verifier(
    tmp_path: Path, embedded: EmbeddedEngine, bundle: Bundle, refused: bool
) -> None:
    with hub_kit(tmp_path, embedded, bundle) as kit:
        register_hub(kit)
        police = kit.agency("police")
        bad = [police.record(SAME)._replace(salt=bytes(32))] if refused else []
        assert told(kit, police, police.batch(police.record(SAME), *bad))[0] == ""
        kit.beat()
        verified(kit, tmp_path / "export")
        lying: Any = Downgrading(kit.core.intake._admission)
        kit.core.intake._admission = lying
        assert told(kit, police, police.batch(police.record(SAME), *bad))[0] == ""
        kit.beat()
        with pytest.raises(PasserelleError, match="log_false") as found:
            verified(kit, tmp_path / "export")
        assert "not those that the agency signed" in (found.value.detail or "")
