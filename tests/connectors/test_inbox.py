"""The inbox: stored before acknowledged, in order, and nothing that does not verify."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from connector_kit import Desk

from passerelle.errors import PasserelleError
from passerelle.notification import Notification
from passerelle_connector.inbox import newest
from passerelle_connector.ports import SealedNotification


async def receive(desk: Desk) -> str:
    """Run one stream to its end; returns the code it ended with."""
    with pytest.raises(PasserelleError) as caught:
        await desk.inbox.run()
    return caught.value.code


@pytest.fixture
def filled(desk: Desk) -> Desk:
    desk.put(1, 2)
    return desk


async def test_notifications_are_stored_in_order_then_acknowledged(
    filled: Desk, notification: Notification
) -> None:
    filled.hub.notify(notification, 1)
    filled.hub.notify(notification._replace(notification_id=b"m" * 16), 2)
    assert await receive(filled) == "hub_unreachable"
    assert [item.sequence for item in filled.notices.items()] == [1, 2]
    assert filled.hub.acknowledged == [1, 2]
    filled.reopen()
    assert filled.notices.cursor() == 2
    assert [item.sequence for item in filled.notices.items(after=1)] == [2]


async def test_one_already_stored_is_acknowledged_again(filled: Desk, notification: Notification) -> None:
    filled.hub.notify(notification, 1)
    filled.hub.notices *= 2
    assert await receive(filled) == "hub_unreachable"
    assert filled.hub.acknowledged == [1, 1]
    assert len(filled.notices.items()) == 1


async def test_what_was_stored_before_a_crash_is_acknowledged_at_the_next_opening(
    filled: Desk, notification: Notification
) -> None:
    filled.hub.notify(notification, 1)
    await receive(filled)
    filled.hub.acknowledged.clear()  # the process died between storing and acknowledging
    filled.reopen()
    await receive(filled)
    assert filled.hub.acknowledged == [1]


async def test_a_gap_ends_the_stream(filled: Desk, notification: Notification) -> None:
    filled.hub.notify(notification, 2)
    assert await receive(filled) == "notification_gap"
    assert filled.hub.acknowledged == []


@pytest.mark.parametrize(
    "change",
    [
        {"recipient": "customs"},
        {"own_records": ((9).to_bytes(16, "big"),)},
        {"own_records": ()},
        {"own_records": ((1).to_bytes(16, "big"), (9).to_bytes(16, "big"))},
    ],
)
async def test_what_is_not_for_us_is_not_acknowledged(
    filled: Desk, notification: Notification, change: dict[str, Any]
) -> None:
    filled.hub.notify(notification._replace(**change), 1)
    assert await receive(filled) == "notification_invalid"
    assert filled.notices.items() == () and filled.hub.acknowledged == []


async def test_another_signer_is_refused(filled: Desk, notification: Notification) -> None:
    filled.hub.notify(notification, 1, signer=filled.cast.customs.signing)
    assert await receive(filled) == "notification_invalid"


async def test_another_number_does_not_open(filled: Desk, notification: Notification) -> None:
    filled.hub.notify(notification, 2)
    filled.hub.notices = [replace(filled.hub.notices[0], sequence=1)]
    assert await receive(filled) == "notification_invalid"


async def test_an_unknown_sealing_key_is_named_as_such(filled: Desk) -> None:
    filled.hub.notices.append(SealedNotification(1, b"", bytes(32)))
    assert await receive(filled) == "notification_invalid"


@pytest.mark.parametrize("cut", [0, 1, 1120, -1])
async def test_what_is_cut_short_does_not_open(filled: Desk, notification: Notification, cut: int) -> None:
    filled.hub.notify(notification, 1)
    whole = filled.hub.notices[0]
    filled.hub.notices = [replace(whole, sealed=whole.sealed[:cut])]
    assert await receive(filled) == "notification_invalid"


async def test_only_the_newest_number_is_acknowledged_after_a_pause() -> None:
    numbers: asyncio.Queue[int] = asyncio.Queue()
    said = newest(numbers, 0.01)
    for number in (1, 2, 3):
        numbers.put_nowait(number)
    assert await anext(said) == 3
    numbers.put_nowait(4)
    assert await anext(said) == 4
