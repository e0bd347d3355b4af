"""The registry under transactions that fail and entries that do not hold."""

from __future__ import annotations

import pytest
from hub_kit import HubKit

from passerelle.errors import PasserelleError
from passerelle.registry_entry import Status, sign_entry
from passerelle_hub.store import agencies


def test_an_entry_that_was_not_committed_does_not_stop_the_tick(hub: HubKit) -> None:
    police = hub.agency("police")
    with pytest.raises(RuntimeError), hub.core.database.write() as tx:
        hub.core.registry.add(
            tx, sign_entry(hub.registry_key, police.entry(revision=2, status=Status.SUSPENDED))
        )
        raise RuntimeError
    hub.beat()
    hub.register(police.entry(revision=3))
    hub.beat()
    assert hub.core.registry.entry("police").revision == 3


def test_an_entry_that_does_not_verify_harms_no_other(hub: HubKit) -> None:
    hub.agency("police")
    with hub.core.database.write() as tx:
        agencies.put_entry(tx, "broken", b"\xff", 1, 0)
    hub.beat()
    assert [entry.agency for entry in hub.core.registry.members()] == ["police"]


def test_an_older_entry_never_replaces_a_newer_and_the_same_again_changes_nothing(hub: HubKit) -> None:
    police = hub.agency("police")
    newer = police.entry(revision=2)
    hub.register(newer)
    hub.register(newer)
    with pytest.raises(PasserelleError, match="registry_entry_invalid"):
        hub.register(police.entry(revision=1))
    hub.beat()
    assert hub.core.registry.entry("police") == newer
