"""Cursors and acknowledgements of the notification stream."""

from __future__ import annotations

import asyncio

import pytest
from hub_kit import FakeAgency, HubKit

from passerelle.errors import PasserelleError
from passerelle_hub.outgoing import Bell
from passerelle_hub.store import notifications

SAME = {"surname+given+birth": "jansen jan 1980-02-03", "national number": "80020312345"}


@pytest.fixture
def told(hub: HubKit) -> FakeAgency:
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    for number in range(3):
        words = {name: f"{word} {number}" for name, word in SAME.items()}
        hub.submit(police, police.record(words))
        hub.submit(intelligence, intelligence.record(words))
    hub.beat()
    return police


def test_any_cursor_resumes_in_order_and_nothing_is_deleted_by_an_acknowledgement(
    hub: HubKit, told: FakeAgency
) -> None:
    numbers = [note.sequence for note in hub.core.outgoing.after(told.identity, 0)]
    assert numbers == [1, 2, 3]
    hub.core.outgoing.acknowledge(told.identity, 2)
    assert [note.sequence for note in hub.core.outgoing.after(told.identity, 1)] == [2, 3]
    assert len(hub.inbox(told)) == 3
    with hub.core.database.read() as tx:
        assert notifications.acknowledged(tx, told.name) == 2


def test_what_was_never_sent_can_be_neither_opened_nor_acknowledged(hub: HubKit, told: FakeAgency) -> None:
    hub.core.outgoing.open(told.identity, 3)
    for step in (hub.core.outgoing.open, hub.core.outgoing.acknowledge):
        with pytest.raises(PasserelleError) as refused:
            step(told.identity, 4)
        assert refused.value.code == "cursor_invalid"


async def test_the_bell_wakes_everybody_who_waits_and_nobody_later() -> None:
    bell = Bell()
    waiting = [asyncio.create_task(bell.wait()) for _ in range(5)]
    await asyncio.sleep(0)
    bell.ring()
    await asyncio.gather(*waiting)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(bell.wait(), 0.01)
