"""Plays a scenario on a stage: real processes for hub and trustees, all connectors in this one.

(1) start trustees and hub; (2) start the connectors; (3) watch until every row is delivered, every batch
matched and every notification read; (4) ask the hub's database and the agencies' inboxes what came of it.

All connectors share one process: libsodium's work spreads over threads anyway, and each further process
would load the same libraries again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from passerelle.codec.notification import decode_notification
from passerelle.config import load
from passerelle.errors import PasserelleError
from passerelle.notification import Notification
from passerelle_connector.compose import connector
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.foundation import open_stores
from passerelle_connector.model import BatchState
from passerelle_connector.store import InboxStore, RowStore
from passerelle_demo.measure import Quality, References, quality
from passerelle_demo.processes import Processes
from passerelle_demo.scenario import Scenario
from passerelle_demo.staging import Stage
from passerelle_hub.store import (
    Database,
    batches,
    clusters,
    decisions,
    links,
    log_store,
    marks,
    notifications,
    records,
)
from passerelle_hub.store.links import LinkRow

Say = Callable[[str], None]
_POLL = 0.25


@dataclass(frozen=True, slots=True)
class HubView:
    """What the hub's database says: counts, links, the last number given to each agency."""

    batches: Mapping[str, int]
    records: Mapping[str, int]
    index_rows: int
    decisions: int
    ticks: int
    links: tuple[LinkRow, ...]
    sent: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a demonstration came to. Times in seconds since the start of the demonstration.

    `rejects` are the codes of rows set aside, by agency and reference; `references` the agencies' own of the
    records that links join.
    """

    hub: HubView
    inboxes: Mapping[str, tuple[Notification, ...]]
    rejects: Mapping[str, Mapping[str, str]]
    references: References
    quality: Quality
    first_match: float
    submitted: float
    finished: float


class Watch:
    """Reads the stores of hub and agencies from outside, as an observer with all keys to the rooms."""

    def __init__(self, stage: Stage) -> None:
        self._hub = Database(f"sqlite:///{stage.hub_database}")
        self._stores = {
            name: open_stores(load(ConnectorSettings, path)) for name, path in stage.connectors.items()
        }

    def hub(self) -> HubView:
        """The hub's database as it is."""
        with self._hub.read() as tx:
            return HubView(
                batches=batches.counts(tx),
                records=records.counts(tx),
                index_rows=marks.count(tx),
                decisions=decisions.count(tx),
                ticks=log_store.size(tx),
                links=links.listing(tx),
                sent=notifications.last_sequences(tx),
            )

    def rows(self, agency: str) -> RowStore:
        """An agency's rows."""
        return self._stores[agency].rows

    def inbox(self, agency: str) -> InboxStore:
        """An agency's inbox."""
        return self._stores[agency].inbox

    def set_aside(self, agency: str) -> Mapping[str, str]:
        """Codes of the rows that an agency's connector set aside, by reference."""
        return {item.reference: item.code for item in self.rows(agency).rejects(100_000) if item.fatal}

    def delivered(self) -> bool:
        """Whether every agency has read its source through and its outbox is empty."""
        for stores in self._stores.values():
            free, states = stores.outbox.counts()
            if stores.rows.last_run() is None or free or states.keys() - {BatchState.RECEIPTED}:
                return False
        return True

    def settled(self) -> bool:
        """Whether the hub has matched every batch and every notification has arrived."""
        view = self.hub()
        with self._hub.read() as tx:
            if view.batches.get("indexed", 0) or clusters.waiting(tx, 1):
                return False
        return all(self.inbox(name).cursor() >= view.sent.get(name, 0) for name in self._stores)

    def something_found(self) -> bool:
        """Whether any agency got a notification, or the hub holds a link."""
        if any(stores.inbox.cursor() for stores in self._stores.values()):
            return True
        with self._hub.read() as tx:
            return bool(links.counts(tx).get("candidate"))

    def close(self) -> None:
        """Give all databases back."""
        self._hub.close()
        for stores in self._stores.values():
            stores.database.close()


async def play(stage: Stage, scenario: Scenario, processes: Processes, say: Say, began: float) -> Outcome:
    """Play a scenario to its end.

    Raises:
        PasserelleError: a process does not start, or a connector cannot be wired.
    """
    await asyncio.to_thread(_start, stage, processes, say)  # (1)
    say(f"hub and {len(stage.trustees)} trustees listen ({time.monotonic() - began:.1f} s)")
    working = asyncio.gather(*(_work(name, stage) for name in stage.connectors))  # (2)
    watch = Watch(stage)
    try:
        first, submitted = await _until_done(watch, working, say, began)  # (3)
        return _outcome(watch, scenario, first, submitted, time.monotonic() - began)  # (4)
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        watch.close()


def _start(stage: Stage, processes: Processes, say: Say) -> None:
    for index, path in stage.trustees.items():
        processes.start(f"trustee-{index}", ["trustee", "run", "--config", str(path)])
    processes.start("hub", ["hub", "run", "--config", str(stage.hub)])
    say("trustees and hub start, each a process of its own, mutual TLS between all")
    for index, port in stage.trustee_ports.items():
        processes.wait_for(f"trustee-{index}", port)
    processes.wait_for("hub", stage.hub_port)


async def _work(name: str, stage: Stage) -> None:
    async with connector(load(ConnectorSettings, stage.connectors[name])) as running:
        await running.run()


async def _until_done(
    watch: Watch, working: asyncio.Future[list[None]], say: Say, began: float
) -> tuple[float, float]:
    """Seconds until the first find and until everything was delivered."""
    first = submitted = 0.0
    while True:
        await asyncio.sleep(_POLL)
        if working.done():
            await working
            raise PasserelleError("internal", "a connector ended by itself")
        now = time.monotonic() - began
        if not first and await asyncio.to_thread(watch.something_found):
            first = now
            say(f"first match after {first:.1f} s")
        if not submitted and await asyncio.to_thread(watch.delivered):
            submitted = now
            say(f"all records delivered and receipted after {submitted:.1f} s")
        if submitted and await asyncio.to_thread(watch.settled):
            return first, submitted


def _outcome(watch: Watch, scenario: Scenario, first: float, submitted: float, finished: float) -> Outcome:
    view = watch.hub()
    ends = {(row.low_agency, row.low_record) for row in view.links}
    ends |= {(row.high_agency, row.high_record) for row in view.links}
    references = {
        (one.id, record): known.reference
        for one in scenario.parties
        for record, known in watch.rows(one.id)
        .by_record([record for agency, record in ends if agency == one.id])
        .items()
    }
    inboxes = {
        one.id: tuple(
            decode_notification(item.signed.payload) for item in watch.inbox(one.id).items(limit=100_000)
        )
        for one in scenario.parties
    }
    return Outcome(
        hub=view,
        inboxes=inboxes,
        rejects={one.id: watch.set_aside(one.id) for one in scenario.parties},
        references=references,
        quality=quality(view.links, references, scenario),
        first_match=first,
        submitted=submitted,
        finished=finished,
    )
