"""The way of records under faults: hub, two connectors and three trustees in one process that may die."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from audit_kit import verified
from hub_kit import hub_kit
from mapping_kit import NAMES, mapping
from simulator import Federation, Member, register_hub
from sqlalchemy import Engine, event, select

from faults.alone import POLICIES, InProcess, alone
from passerelle.clock import HOUR, SECOND, ManualClock
from passerelle.config import load
from passerelle_connector.config import ConnectorSettings
from passerelle_hub.audit import EventKind
from passerelle_hub.compose import build_core
from passerelle_hub.policy.bundle import load_bundle
from passerelle_hub.store import Database, holdings, log_tables
from passerelle_trustee.ceremony import deal_for_development
from passerelle_trustee.evaluate import Evaluator
from passerelle_trustee.quota import Budgets, Quota
from passerelle_trustee.store import Ledger

CONFIG = mapping(NAMES)
HEAD = "id,name,first,born\n"
ANNA, BRUNO, CARLA = "1,Peeters,Anna,1980-02-03", "2,Maes,Bruno,1975-05-06", "3,Claes,Carla,1990-07-08"
ANNA_AGAIN = "X1,PEETERS,anna,1980-02-03"
BRUNO_CHANGED = "2,Maes,Bruno,1975-05-07"
ROWS: Final = {"police": ("1", "2"), "intelligence": ("X1",)}
"""What is left of each agency's rows at the end."""
MINUTE: Final = 60 * SECOND
PAGES_OF_THE_LOG: Final = 200
"""SQLite copies its write-ahead log back this early, so that a short story has checkpoints in it."""


class RecordStory:
    """A federation: submit, match, notify, acknowledge, change and withdraw; a checkpoint, cosigned."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clock = ManualClock()
        self._dealt = deal_for_development(["ter"])
        with hub_kit(folder, InProcess(), load_bundle(POLICIES), clock=self._clock) as kit:
            self._kit = kit
            register_hub(kit)
            alone(self._join)

    async def _join(self) -> None:
        async with AsyncExitStack() as stack:
            federation = self._federation(stack)
            federation.join("police", CONFIG, {"rows.csv": rows(ANNA, BRUNO, CARLA)})
            federation.join("intelligence", CONFIG, {"rows.csv": rows(ANNA_AGAIN)})

    def play(self) -> None:
        """From the beginning, or from where the processes died."""
        alone(self._play)

    async def _play(self) -> None:
        self._clock.advance(HOUR)
        async with AsyncExitStack() as stack:
            federation = self._started(stack)
            for member in federation.members.values():
                await member.submit()
            await self._round(federation)
            source = self._folder / "police" / "data" / "rows.csv"
            made = source.with_suffix(".new")
            made.write_bytes(rows(ANNA, BRUNO_CHANGED))
            made.replace(source)  # as the guide asks of a partner
            await federation.members["police"].submit()
            await self._round(federation)

    async def _round(self, federation: Federation) -> None:
        """A tick and a checkpoint; then everybody reads, acknowledges, cosigns."""
        self._clock.advance(MINUTE)  # what policy allowed is asked again
        federation.beat()
        core = self._kit.core
        with core.database.write() as tx:
            core.transparency.checkpoint(tx)
        for member in federation.members.values():
            await member.read_inbox()
            assert member.connector.log_watch is not None
            await member.connector.log_watch.round()

    def check(self) -> None:
        """Both sides hold the same, each match was told once, every promise is kept, the log verifies."""
        alone(self._check)

    async def _check(self) -> None:
        async with AsyncExitStack() as stack:
            federation = self._started(stack)
            await self._round(federation)
            told = {name: await self._settled(name, one) for name, one in federation.members.items()}
            assert told["police"] == told["intelligence"]
            with self._kit.core.database.read() as tx:
                kinds = Counter(tx.execute(select(log_tables.audit_event.c.kind)).scalars())
            assert kinds[EventKind.LINK_OPENED.value] == 1
            verified(self._kit, self._folder / "export")

    async def _settled(self, name: str, member: Member) -> set[bytes]:
        """Nothing is missing, doubled or owed; returns the links it was told of."""
        with self._kit.core.database.read() as tx:
            held = dict(holdings.active(tx, name))
        known = member.stores.rows.known(ROWS[name])
        assert held == {row.record_id: row.revision for row in known.values()}
        assert len(held) == len(ROWS[name])
        assert (await member.connector.reconcile_once()).agreed
        assert member.stores.promises.count() == 0, "promises that the log does not keep"
        notes = await member.read_inbox()
        assert [item.sequence for item in member.stores.inbox.items()] == [1]
        return {note.link_id for note in notes}

    def _started(self, stack: AsyncExitStack) -> Federation:
        """The processes of all sides, started over the folder."""
        database = Database(f"sqlite:///{self._folder / 'hub.db'}")
        stack.callback(database.close)
        self._kit.core = core = build_core(self._kit.core.foundation, database)
        with database.read() as tx:
            core.registry.refresh(tx)
        core.settlement.settle_all()
        federation = self._federation(stack)
        for agency in ROWS:
            settings = load(ConnectorSettings, self._folder / agency / "connector.toml")
            federation.members[agency] = federation.open(agency, settings)
        return federation

    def _federation(self, stack: AsyncExitStack) -> Federation:
        evaluators: dict[int, Evaluator] = {}
        for book in self._dealt.books:
            ledger = Ledger(self._folder / f"trustee-{book.index}.db")
            stack.callback(ledger.close)
            evaluators[book.index] = Evaluator(book, Quota(ledger, Budgets(), self._clock))
        return Federation(self._kit, self._folder, "ter", self._dealt.keys, evaluators, stack)


def rows(*lines: str) -> bytes:
    return (HEAD + "\n".join(lines) + "\n").encode()


@event.listens_for(Engine, "connect")
def _copied_back_early(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute(f"PRAGMA wal_autocheckpoint={PAGES_OF_THE_LOG}")
