"""The connector under faults that nobody foresaw, and the director's desk."""

from __future__ import annotations

import pytest
from connector_kit import Desk

from passerelle.errors import PasserelleError
from passerelle.notification import DIRECTOR, Notification
from passerelle_connector.deliver import ANOTHER_BATCH


async def test_the_directors_desk_keeps_a_notification_about_records_of_others(
    desk: Desk, notification: Notification
) -> None:
    desk.hub.notify(notification._replace(own_records=(), visibility=DIRECTOR), 1)
    with pytest.raises(PasserelleError, match="hub_unreachable"):
        await desk.inbox.run()
    assert [item.sequence for item in desk.notices.items()] == [1]
    assert desk.hub.acknowledged == [1]


async def test_not_even_to_the_director_are_others_records_ones_own(
    desk: Desk, notification: Notification
) -> None:
    desk.hub.notify(notification._replace(own_records=(bytes(16),), visibility=DIRECTOR), 1)
    with pytest.raises(PasserelleError, match="notification_invalid"):
        await desk.inbox.run()


def test_an_outage_of_policy_costs_no_records() -> None:
    assert "policy_unavailable" in ANOTHER_BATCH
