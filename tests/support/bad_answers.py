"""Bad answers of the catalogue: what trustees and hub must not make a connector believe."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from connector_kit import POLICE, PROTOCOL, Cast, Desk, FakeHub

from passerelle.catalogue import catalogue
from passerelle.clock import ManualClock
from passerelle.codec.statement import encode_receipt
from passerelle.errors import PasserelleError
from passerelle.notification import Band, LinkState, Notification, Relation
from passerelle.oprf.protocol import EvaluateAnswer, EvaluateRequest
from passerelle.record import RECEIPT_TYPE, Position, Receipt, RecordRefusal
from passerelle.sign import sign
from passerelle_connector.keys import Key
from passerelle_connector.ports import SealedNotification
from passerelle_connector.store import Database, TokenCache
from passerelle_connector.tokenise import Tokeniser
from passerelle_trustee.ceremony import DevelopmentKeys
from passerelle_trustee.evaluate import Evaluator
from passerelle_trustee.quota import Budgets, Quota
from passerelle_trustee.store import Ledger

PHONE = catalogue().named("phone").id
Fault = Callable[[EvaluateRequest, EvaluateAnswer], EvaluateAnswer]


@dataclass
class Trustee:
    """A real trustee whose answers a test may spoil."""

    evaluator: Evaluator
    fault: Fault | None = None

    async def evaluate(self, request: EvaluateRequest) -> EvaluateAnswer:
        """See `TrusteePort.evaluate`."""
        answer = self.evaluator.evaluate(agency="police", request=request)
        return answer if self.fault is None else self.fault(request, answer)


@dataclass
class Quorum:
    """Three trustees of which two are needed, and one connector that asks them."""

    folder: Path
    dealt: DevelopmentKeys
    budgets: Budgets = field(default_factory=Budgets)
    asked: int = 0

    def __post_init__(self) -> None:
        self.ledgers = [Ledger(self.folder / f"{book.index}.db") for book in self.dealt.books]
        clock = ManualClock()
        self.trustees = {
            book.index: Trustee(Evaluator(book, Quota(ledger, self.budgets, clock)))
            for book, ledger in zip(self.dealt.books, self.ledgers, strict=True)
        }
        self.database = Database(self.folder / "connector.db")
        self.tokeniser = Tokeniser(
            PROTOCOL,
            catalogue(),
            self.dealt.keys,
            self.trustees,
            TokenCache(self.database),
            b"s" * 32,
            os.urandom,
        )

    def close(self) -> None:
        """Give the files back."""
        self.database.close()
        for ledger in self.ledgers:
            ledger.close()

    async def token(self, value: bytes) -> bytes:
        """The token of a phone."""
        (((_, made),),) = await self.tokeniser.tokenise([(Key(PHONE, value),)])
        return made

    def spoil(self, fault: Fault | None, *indices: int) -> None:
        """From now on these trustees answer like that."""
        for index in indices:
            self.trustees[index].fault = fault


async def bad_trustee(quorum: Quorum, fault: Fault, code: str) -> None:
    """One such answer is made up for by the others; two are named, cost nothing known, and pass."""
    quorum.asked += 1
    known, fresh, later = (b"+3247%d%06d" % (at, quorum.asked) for at in (1, 2, 3))
    before = await quorum.token(known)
    quorum.spoil(fault, 1)
    for at in range(3):  # whichever quorum is in turn
        await quorum.token(b"%s%d" % (fresh, at))
    quorum.spoil(fault, 2)
    try:
        await quorum.token(later)
    except PasserelleError as error:
        assert error.code == "trustees_unavailable"
        assert f"1 {code}" in error.detail and f"2 {code}" in error.detail, error.detail
    else:
        raise AssertionError("two bad answers were believed")
    assert await quorum.token(known) == before
    quorum.spoil(None, 1, 2)
    assert await quorum.token(later)


def _refuse(code: str) -> Fault:
    def fault(_request: EvaluateRequest, _answer: EvaluateAnswer) -> EvaluateAnswer:
        raise PasserelleError(code)

    return fault


TRUSTEES: Mapping[str, Fault] = {
    "silence": _refuse("peer_unavailable"),
    "too-late": _refuse("peer_timeout"),
    "of-no-code": _refuse("peer_fault"),
    "budget": _refuse("evaluation_budget_exceeded"),
    "share-lost": _refuse("share_unknown"),
    "elements-given-back": lambda request, answer: replace(answer, elements=request.elements),
    "elements-of-noise": lambda _, answer: replace(answer, elements=b"\xff" * len(answer.elements)),
    "proof-of-zeros": lambda _, answer: replace(answer, proof=bytes(64)),
    "proof-short": lambda _, answer: replace(answer, proof=bytes(63)),
    "for-another-request": lambda _, answer: replace(answer, request_id=bytes(16)),
    "in-anothers-name": lambda _, answer: replace(answer, index=answer.index % 3 + 1),
    "one-element-more": lambda _, answer: replace(answer, elements=answer.elements * 2),
    "another-generation": lambda _, answer: replace(answer, generation=9),
}

Answer = Callable[[Desk], Awaitable[None]]
NOTE = Notification(
    notification_id=b"n" * 16,
    link_id=b"l" * 16,
    recipient=POLICE.agency,
    created=1,
    own_records=((1).to_bytes(16, "big"),),
    counterpart="customs",
    visibility="match",
    relation=Relation.SAME_PERSON,
    band=Band.STRONG,
    state=LinkState.NOTIFIED,
    agreements=(),
    odds="",
    handling="H1",
    urgency="routine",
    purposes=("counter_terrorism",),
    legal_basis="be_ter_2024",
    actions=(),
    obligations=(),
    decision_id="d",
    policy_revision="1",
    weights="w/1",
)


def open_desk(cast: Cast, folder: Path) -> Desk:
    """A connector's delivery and inbox before a hub that answers as told."""
    clock = ManualClock()
    return Desk(cast, FakeHub(cast.hub, cast.police, clock), folder, clock)


async def bad_answer(desk: Desk, answer: Answer, code: str, *, set_aside: bool) -> None:
    """What was accepted stays so; what the answer was about is delivered later, or set aside by its code."""
    desk.put(1)
    desk.outbox.close(flush=True)
    await desk.deliver()
    try:
        await answer(desk)
        found = {item.code for item in desk.rows.rejects()}
    except PasserelleError as error:
        found = {error.code}
    assert found == {code}
    desk.hub = _healed(desk)
    desk.reopen()
    desk.put(3)
    desk.outbox.close(flush=True)
    await desk.deliver()
    taken = [number for number, _ in desk.hub.taken]
    assert taken.count(1) == taken.count(3) == 1
    assert taken.count(2) == (not set_aside and desk.rows.known(["P2"]) != {})
    assert desk.store.in_flight() is None and desk.store.counts()[0] == 0
    desk.hub.notify(NOTE, 1)
    with suppress(PasserelleError):  # the stream of this hub ends where a real one waits
        await desk.inbox.run()
    assert [item.sequence for item in desk.notices.items()] == [1]


def _healed(desk: Desk) -> FakeHub:
    """The same hub, with its chain and what it took, answering well."""
    old = desk.hub
    return FakeHub(
        desk.cast.hub, old.peer, old.clock, old.position, dict(old.receipts), list(old.taken), old.batches
    )


async def _second(desk: Desk) -> None:
    desk.put(2)
    desk.outbox.close(flush=True)
    await desk.deliver()


def _forged(change: Callable[[Receipt], Receipt], *, stranger: bool = False) -> Answer:
    """The receipt is changed, or signed by a stranger; the hub keeps the true one for later."""

    async def answer(desk: Desk) -> None:
        true: list[Receipt] = []

        def forge(receipt: Receipt) -> Receipt:
            true.append(receipt)
            return change(receipt)

        desk.hub.forge = forge
        if stranger:
            desk.hub.party = replace(desk.hub.party, signing=desk.cast.customs.signing)
        try:
            await _second(desk)
        finally:
            for receipt in true:
                signed = sign(desk.cast.hub.signing, RECEIPT_TYPE, encode_receipt(receipt))
                desk.hub.receipts[receipt.batch_id] = signed

    return answer


def _verdict(code: str, *, consumed: bool = True) -> Answer:
    async def answer(desk: Desk) -> None:
        desk.hub.verdicts = [code]
        desk.hub.unconsumed = frozenset() if consumed else frozenset({code})
        await _second(desk)

    return answer


def _lost(code: str, *, arrived: bool) -> Answer:
    def fail() -> None:
        raise PasserelleError(code)

    async def answer(desk: Desk) -> None:
        if arrived:
            desk.hub.after = fail
        else:
            desk.hub.before = fail
        await _second(desk)

    return answer


async def _one_record(desk: Desk) -> None:
    desk.hub.refusals[(2).to_bytes(16, "big")] = RecordRefusal(0, "record_refused_by_policy", ("no_basis",))
    await _second(desk)


async def _other_chain(desk: Desk) -> None:
    good, desk.hub.position = desk.hub.position, Position(7, b"x" * 32)
    try:
        await _second(desk)
    finally:
        desk.hub.position = good


def _notified(spoil: Callable[[Desk], None]) -> Answer:
    async def answer(desk: Desk) -> None:
        spoil(desk)
        try:
            await desk.inbox.run()
        finally:
            assert desk.notices.items() == () and desk.hub.acknowledged == []

    return answer


def _told(change: Mapping[str, object], number: int = 1) -> Callable[[Desk], None]:
    return lambda desk: desk.hub.notify(NOTE._replace(**change), number)  # type: ignore[arg-type]  # by the call


def _by_another(desk: Desk) -> None:
    desk.hub.notify(NOTE, 1, signer=desk.cast.customs.signing)


def _renumbered(desk: Desk) -> None:
    desk.hub.notify(NOTE, 2)
    desk.hub.notices = [replace(desk.hub.notices[0], sequence=1)]


def _cut(desk: Desk) -> None:
    desk.hub.notify(NOTE, 1)
    desk.hub.notices = [replace(desk.hub.notices[0], sealed=desk.hub.notices[0].sealed[:-1])]


def _other_seal(desk: Desk) -> None:
    desk.hub.notices.append(SealedNotification(1, b"", bytes(32)))


ANSWERS: Mapping[str, Answer] = {
    "receipt-for-another-agency": _forged(lambda receipt: replace(receipt, agency="customs")),
    "receipt-of-another-hub": _forged(lambda receipt: replace(receipt, hub="spiffe://x.example/hub/x")),
    "receipt-for-another-batch": _forged(lambda receipt: replace(receipt, batch_id=bytes(16))),
    "receipt-over-another-statement": _forged(lambda receipt: replace(receipt, statement_digest=bytes(32))),
    "receipt-that-takes-and-does-not": _forged(lambda receipt: replace(receipt, consumed=False)),
    "refusal-of-no-record": _forged(
        lambda receipt: replace(receipt, refusals=(RecordRefusal(1, "header_invalid"),))
    ),
    "receipt-by-another-key": _forged(lambda receipt: receipt, stranger=True),
    "batch-lost": _lost("peer_unavailable", arrived=False),
    "receipt-lost": _lost("peer_timeout", arrived=True),
    "number-not-used": _verdict("batch_signature_invalid", consumed=False),
    "quota": _verdict("quota_exceeded"),
    "batch-refused": _verdict("batch_root_mismatch"),
    "record-refused": _one_record,
    "chain-of-another": _other_chain,
    "notification-left-out": _notified(_told({}, 2)),
    "notification-for-another": _notified(_told({"recipient": "customs"})),
    "notification-of-a-strange-record": _notified(_told({"own_records": ((9).to_bytes(16, "big"),)})),
    "notification-of-no-record": _notified(_told({"own_records": ()})),
    "notification-by-another-key": _notified(_by_another),
    "notification-renumbered": _notified(_renumbered),
    "notification-cut": _notified(_cut),
    "notification-under-an-unknown-seal": _notified(_other_seal),
}
