"""What `doctor` says of the age of a hub's log and of its quorum of witnesses."""

from __future__ import annotations

from hub_kit import HubKit

from passerelle.checks import Check, State
from passerelle.clock import HOUR, SECOND, SystemClock
from passerelle_hub.config import HubSettings, LogSettings
from passerelle_hub.store import cosignatures, log_store
from passerelle_hub.trust_checks import log_age


def look(hub: HubKit, url: str) -> Check:
    settings = HubSettings(
        identity="spiffe://example/hub/hub", domains={}, database=url, log=LogSettings(quorum=1)
    )
    found = log_age(settings, hub.clock)
    return found if isinstance(found, Check) else Check("log", State.OK, found)


def test_checkpoint_and_quorum_have_an_age(hub: HubKit, database_url: str) -> None:
    assert look(hub, database_url).text == "no checkpoint yet"
    hub.beat()
    with hub.core.database.write() as tx:
        hub.core.transparency.checkpoint(tx)
    assert "1 witnesses never cosigned" in look(hub, database_url).text
    with hub.core.database.write() as tx:
        cosignatures.put(tx, log_store.size(tx), "supervisor", hub.clock.now(), b"as a witness wrote it")
    assert look(hub, database_url).state is State.OK
    hub.clock.advance(61 * SECOND)
    assert look(hub, database_url).state is State.FAIL
    hub.clock.advance(2 * HOUR)
    with hub.core.database.write() as tx:
        hub.core.transparency.close_tick(tx)
        hub.core.transparency.checkpoint(tx)
    found = look(hub, database_url)
    assert found.state is State.WARN and found.fix


def test_a_hub_that_never_ran_has_no_log_yet() -> None:
    settings = HubSettings(identity="spiffe://example/hub/hub", domains={}, database="not-there.db")
    found = log_age(settings, SystemClock())
    assert isinstance(found, Check) and found.state is State.WARN
