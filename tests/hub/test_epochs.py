"""Token epochs at the hub: what an operator may decide, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hub_kit import HubKit

from passerelle.errors import PasserelleError
from passerelle_hub.store import Transaction, epochs


def refused(hub: HubKit, decide: Callable[[Transaction], None]) -> str:
    with pytest.raises(PasserelleError) as caught, hub.core.database.write() as tx:
        decide(tx)
    assert caught.value.code == "epoch_refused"
    return caught.value.detail


def test_an_epoch_goes_one_way(hub: HubKit) -> None:
    made, domains = hub.core.epochs, hub.core.foundation.domains
    refused(hub, lambda tx: made.announce(tx, "nowhere", 2, "ada"))
    refused(hub, lambda tx: made.announce(tx, "ter", 1, "ada"))
    refused(hub, lambda tx: made.open(tx, "ter", 2, "ada"))
    refused(hub, lambda tx: made.close(tx, "ter", 1, "ada"))
    with hub.core.database.write() as tx:
        made.announce(tx, "ter", 2, "ada")
    assert (domains.epochs["ter"], domains.announced["ter"]) == ((1,), (2,))
    refused(hub, lambda tx: made.announce(tx, "ter", 2, "ada"))
    refused(hub, lambda tx: made.close(tx, "ter", 2, "ada"))
    with hub.core.database.write() as tx:
        made.open(tx, "ter", 2, "ada")
    assert (domains.epochs["ter"], domains.announced) == ((1, 2), {})
    refused(hub, lambda tx: made.open(tx, "ter", 2, "ada"))
    assert "newest" in refused(hub, lambda tx: made.close(tx, "ter", 2, "ada"))
    with hub.core.database.write() as tx:
        made.close(tx, "ter", 1, "ada")
    assert domains.epochs["ter"] == (2,)
    refused(hub, lambda tx: made.open(tx, "ter", 1, "ada"))
    refused(hub, lambda tx: made.announce(tx, "ter", 1, "ada"))


def test_records_hold_an_epoch_open_unless_they_are_left(hub: HubKit) -> None:
    made, police = hub.core.epochs, hub.agency("police")
    hub.submit(police, police.record({"national number": "1"}))
    with hub.core.database.write() as tx:
        made.announce(tx, "ter", 2, "ada")
        made.open(tx, "ter", 2, "ada")
        assert epochs.held(tx) == {("ter", 1): {"police": 1}}
    assert "police" in refused(hub, lambda tx: made.close(tx, "ter", 1, "ada"))
    with hub.core.database.write() as tx:
        made.close(tx, "ter", 1, "ada", leaving=True)
    with pytest.raises(PasserelleError) as caught:
        hub.core.foundation.domains.check("ter", 1)
    assert caught.value.code == "batch_epoch_wrong"


def test_other_processes_follow_at_their_next_tick(hub: HubKit) -> None:
    with hub.core.database.write() as tx:
        epochs.put(tx, "ter", 2, "open", 1, "another process")
    domains = hub.core.foundation.domains
    assert list(domains.epochs["ter"]) == [1]
    hub.beat()
    assert list(domains.epochs["ter"]) == [1, 2]
