"""The federation in one process: real steps of every side, wired directly, one clock that tests move.

Nothing is faked but sockets, time and the processes. What would cross the network is encoded and decoded
as it would be, and kept in `Federation.wire`, so that a test can search what the hub was sent.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from hub_kit import HubKit
from log_kit import KitLog
from parties import HUB, entry_of, manifest_of
from patience import turns

from passerelle.closer import Answer, Question
from passerelle.codec.closer import answer_in, answer_out, questions_in, questions_out
from passerelle.codec.frames import Assembler, frames
from passerelle.codec.holdings import question_in, question_out
from passerelle.codec.notification import decode_notification
from passerelle.codec.signed import decode_signed, encode_signed
from passerelle.config import load
from passerelle.errors import PasserelleError
from passerelle.federation import Federation as Standing
from passerelle.groups import Group
from passerelle.holdings import Comparison, Selection
from passerelle.identity import Identity, Role
from passerelle.notification import Notification
from passerelle.oprf.pinned import GroupKeys
from passerelle.oprf.protocol import EvaluateAnswer, EvaluateRequest
from passerelle.record import Batch, Position
from passerelle.registry_entry import RegistryEntry, sign_entry
from passerelle.sign import Signed, SigningKey
from passerelle.wire.v1 import closer_pb2, exchange_pb2
from passerelle_connector.compose import connect
from passerelle_connector.compose_rows import token_protocol
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.enrol import enrol
from passerelle_connector.epochs import Turning, at_epoch
from passerelle_connector.foundation import Environment, Foundation, Ports, Stores, open_stores
from passerelle_connector.inbox import ACKNOWLEDGE_SECONDS
from passerelle_connector.judge import Judge
from passerelle_connector.judge.compose import build_judge
from passerelle_connector.keyring import load_keys
from passerelle_connector.peers import Peers
from passerelle_connector.ports import AcceptedDomain, HubDescription, SealedNotification
from passerelle_connector.query import Asker
from passerelle_connector.query.compose import build_asker
from passerelle_connector.run import Connector
from passerelle_hub import calls
from passerelle_trustee.ceremony import deal_for_development
from passerelle_trustee.evaluate import Evaluator
from passerelle_trustee.quota import DEFAULT_DAILY, Budgets, Quota
from passerelle_trustee.store import Ledger

YEAR = 365 * 86_400 * 1_000_000


@dataclass
class SimulatedHub:
    """The hub's ports for one caller, over its core."""

    kit: HubKit
    peer: Identity
    wire: list[bytes]
    up: bool = True

    def _reach(self) -> None:
        if not self.up:
            raise PasserelleError("peer_unavailable", "the simulated hub is down")

    async def submit(self, batches: AsyncIterator[Batch]) -> AsyncIterator[Position | Signed]:
        """One stream: position, then a receipt per batch, through frames and back."""
        self._reach()
        yield self.kit.core.intake.position(self.peer)
        assembler = Assembler()
        async for batch in batches:
            self._reach()
            for frame in frames(batch):
                raw = frame.SerializeToString()
                self.wire.append(raw)
                arrived = assembler.feed(exchange_pb2.SubmitRequest.FromString(raw))
                if arrived is not None:
                    yield self.kit.core.intake.receive(arrived, self.peer)

    async def notifications(
        self, cursor: int, acknowledgements: AsyncIterator[int]
    ) -> AsyncIterator[SealedNotification]:
        """Everything beyond the cursor; ends when there is nothing more, as a broken connection would."""
        self._reach()
        self.kit.core.outgoing.open(self.peer, cursor)
        taking = asyncio.create_task(self._acknowledge(acknowledgements))
        try:
            while page := self.kit.core.outgoing.after(self.peer, cursor):
                for note in page:
                    self.wire.append(note.sealed)
                    yield SealedNotification(note.sequence, note.sealed, note.key_id)
                    cursor = note.sequence
            await turns()  # the agency begins to wait
            await asyncio.sleep(2 * ACKNOWLEDGE_SECONDS)
            await turns()  # and has said what it got
        finally:
            taking.cancel()

    async def _acknowledge(self, numbers: AsyncIterator[int]) -> None:
        async for number in numbers:
            self.kit.core.outgoing.acknowledge(self.peer, number)

    async def reconcile(self, question: Comparison | Selection) -> Signed:
        """A question and its answer, through the wire and back."""
        self._reach()
        raw = question_out(question).SerializeToString()
        self.wire.append(raw)
        self.kit.core.access.require(self.peer, calls.RECONCILE)
        arrived = question_in(exchange_pb2.ReconcileRequest.FromString(raw))
        answer = self.kit.core.holdings.answer(self.peer, arrived)
        if answer.differing:
            self.kit.core.holdings.note(self.peer, answer)
        return answer.signed

    async def questions(self) -> tuple[Question, ...]:
        """What waits for the caller, through the wire and back."""
        self._reach()
        self.kit.core.access.require(self.peer, calls.CLOSER_QUESTIONS)
        raw = questions_out(self.kit.core.answers.questions(self.peer)).SerializeToString()
        return questions_in(closer_pb2.CloserQuestionsResponse.FromString(raw))

    async def answer(self, answer: Answer) -> None:
        """An answer, through the wire."""
        self._reach()
        raw = answer_out(answer).SerializeToString()
        self.wire.append(raw)
        self.kit.core.access.require(self.peer, calls.CLOSER_ANSWER)
        self.kit.core.answers.take(self.peer, answer_in(closer_pb2.CloserAnswerRequest.FromString(raw)))

    async def ask(self, question: Signed) -> Signed:
        """A question and its answer, through the wire and back."""
        self._reach()
        raw = encode_signed(question)
        self.wire.append(raw)
        answer = self.kit.core.queries.answer(decode_signed(raw), self.peer)
        self.wire.append(encode_signed(answer))
        return answer

    async def judge(self, judgement: Signed) -> Signed:
        """A judgement and its receipt, through the wire and back."""
        self._reach()
        raw = encode_signed(judgement)
        self.wire.append(raw)
        return decode_signed(encode_signed(self.kit.core.judgements.judge(decode_signed(raw), self.peer)))

    async def describe(self) -> HubDescription:
        """What the hub accepts."""
        self._reach()
        domains = self.kit.core.foundation.domains
        entry = self.kit.core.registry.signed_entry(HUB.agency)
        assert entry is not None
        return HubDescription(
            hub=str(HUB),
            entry=entry,
            domains=tuple(
                AcceptedDomain(name, epochs, (), domains.announced.get(name, ()))
                for name, epochs in domains.epochs.items()
            ),
            normaliser=domains.normaliser,
            catalogue="keys/1",
        )

    async def agencies(self) -> tuple[Signed, ...]:
        """All entries."""
        self._reach()
        return self.kit.core.registry.signed_entries()


@dataclass
class SimulatedTrustee:
    """A trustee's port for one caller; `up` false is a trustee that does not answer."""

    evaluator: Evaluator
    agency: str
    up: bool = True
    asked: int = 0

    async def evaluate(self, request: EvaluateRequest) -> EvaluateAnswer:
        """One evaluation."""
        if not self.up:
            raise PasserelleError("peer_unavailable", "the simulated trustee is down")
        self.asked += request.count
        return await asyncio.to_thread(self.evaluator.evaluate, agency=self.agency, request=request)


@dataclass
class Member:
    """One agency: its connector, stores and ports."""

    settings: ConnectorSettings
    stores: Stores
    connector: Connector
    hub: SimulatedHub
    trustees: Mapping[int, SimulatedTrustee]
    log: KitLog
    asker: Asker
    judge: Judge

    async def submit(self) -> None:
        """Read the source once and deliver."""
        await self.connector.submit_once()

    async def read_inbox(self) -> tuple[Notification, ...]:
        """Take what the hub has; returns all that is stored now."""
        with suppress(PasserelleError):  # the simulated stream ends where a real one would wait
            await self.connector.receive()
        return tuple(decode_notification(item.signed.payload) for item in self.stores.inbox.items())


@dataclass
class Federation:
    """A hub, its trustees and its members."""

    kit: HubKit
    folder: Path
    domain: str
    keys: GroupKeys
    evaluators: Mapping[int, Evaluator]
    stack: AsyncExitStack
    wire: list[bytes] = field(default_factory=list)
    members: dict[str, Member] = field(default_factory=dict)
    pinned: GroupKeys | None = None
    """What a connector finds when it reads its pinned keys again; None for those it began with."""

    def join(self, agency: str, config: str, files: Mapping[str, bytes]) -> Member:
        """A new agency with rows; `config` holds [source], [map] and [marking]."""
        folder = self.folder / agency
        (folder / "data").mkdir(parents=True)
        for name, content in files.items():
            (folder / "data" / name).write_bytes(content)
        identity = Identity(f"{agency}.example", Role.CONNECTOR, agency)
        made = enrol(identity, folder / "keys", folder / "keys" / "leaf-key.pem", self.kit.clock)
        self.kit.register(self._entry(agency, made.manifest.read_bytes()))
        (folder / "connector.toml").write_text(self._config(identity) + config, "utf-8")
        settings = load(ConnectorSettings, folder / "connector.toml")
        self.members[agency] = self.open(agency, settings)
        return self.members[agency]

    def open(self, agency: str, settings: ConnectorSettings) -> Member:
        """Wire a member's connector over its store, as after a restart."""
        identity = Identity.parse(settings.identity)
        hub = SimulatedHub(self.kit, identity, self.wire)
        trustees = {index: SimulatedTrustee(one, agency) for index, one in self.evaluators.items()}
        standing = Standing(identity.trust_domain, self.kit.roots)
        peers = Peers(standing, self.kit.registry_key.public, HUB.agency)
        peers.accept(self.kit.core.registry.signed_entries())
        stores = open_stores(settings)
        self.stack.callback(stores.database.close)
        keyring = load_keys(settings.path(settings.keys))
        environment = Environment(self.kit.clock, os.urandom, random.Random(1).random)
        log = KitLog(self.kit, identity)
        ports = Ports(hub, hub, trustees, hub, log=log, closer=hub, query=hub, judge=hub)
        settings = at_epoch(settings, stores.tokens)
        base = Foundation(settings, stores, keyring, peers, self.keys, ports, environment)
        connector = connect(base)
        connector.turning = Turning(token_protocol(settings), lambda: self.pinned or self.keys)
        return Member(settings, stores, connector, hub, trustees, log, build_asker(base), build_judge(base))

    def beat(self) -> None:
        """One tick of the hub."""
        self.kit.beat()

    def _config(self, identity: Identity) -> str:
        trustees = "".join(
            f'[[trustees]]\nindex = {index}\naddress = "none:1"\nagency = "trustee-{index}"\n'
            for index in self.evaluators
        )
        tiers = '["core", "strong", "names"]' if self.domain == "lists" else '["core", "strong"]'
        return (
            f'identity = "{identity}"\ndevelopment_keys = true\ndomain = "{self.domain}"\n'
            f"tiers = {tiers}\nbatch_records = 50\ncloser_seconds = 60.0\n"
            f'[hub]\naddress = "none:1"\nagency = "{HUB.agency}"\n{trustees}'
        )

    def _entry(self, agency: str, manifest: bytes) -> RegistryEntry:
        identity = Identity(f"{agency}.example", Role.CONNECTOR, agency)
        return entry_of(identity, self.kit.roots, manifest, self.kit.clock.now())


def register_hub(kit: HubKit) -> None:
    """The hub's own entry, with the key it signs with."""
    now, manifest_key = kit.clock.now(), SigningKey.generate()
    manifest = manifest_of(HUB, manifest_key, kit.core.foundation.signing_key.public, None, now, now + YEAR)
    entry = entry_of(HUB, kit.roots, manifest, now)
    with kit.core.database.write() as tx:
        kit.core.registry.add(tx, sign_entry(kit.registry_key, entry))


@asynccontextmanager
async def federation(
    kit: HubKit, folder: Path, domain: str = "ter", epochs: Sequence[int] = (1,)
) -> AsyncIterator[Federation]:
    """A federation over a hub's core: three trustees, two of which answer a request."""
    register_hub(kit)
    dealt = deal_for_development([domain], epochs)
    budgets = Budgets({**DEFAULT_DAILY, Group.PIECE: 10_000})
    evaluators = {
        book.index: Evaluator(book, Quota(Ledger(folder / f"trustee-{book.index}.db"), budgets, kit.clock))
        for book in dealt.books
    }
    async with AsyncExitStack() as stack:
        yield Federation(kit, folder, domain, dealt.keys, evaluators, stack)
