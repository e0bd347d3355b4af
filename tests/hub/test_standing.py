"""What a hub decides by itself about standing: at once, reversibly, and in the log."""

from __future__ import annotations

import pytest
from hub_kit import HubKit
from sqlalchemy import text

from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.revocation import Standings

POLICE = Identity("police.example", Role.CONNECTOR, "police")


def standing(hub: HubKit, serial: int = 7) -> str:
    registry = hub.core.registry
    try:
        Standings(registry.federation, registry.local.revocations).check(POLICE, serial)
    except PasserelleError as error:
        return error.code
    return "passes"


def kinds(hub: HubKit) -> list[str]:
    with hub.core.database.read() as tx:
        return list(tx.execute(text("select kind from audit_event order by 1")).scalars())


def test_a_suspension_holds_at_once_and_ends(hub: HubKit) -> None:
    hub.agency("police")
    local = hub.core.registry.local
    with hub.core.database.write() as tx:
        local.suspend(tx, "police", "ada", "leaf was copied")
    assert standing(hub) == "agency_suspended"
    with pytest.raises(PasserelleError, match="suspend_refused"), hub.core.database.write() as tx:
        local.suspend(tx, "police", "ada", "again")
    with hub.core.database.write() as tx:
        local.resume(tx, "police", "bo")
    assert standing(hub) == "passes"
    with pytest.raises(PasserelleError, match="suspend_refused"), hub.core.database.write() as tx:
        local.resume(tx, "police", "bo")
    assert {"agency.suspended", "agency.resumed"} <= set(kinds(hub))


def test_another_process_sees_it_at_its_next_tick(hub: HubKit) -> None:
    hub.agency("police")
    with hub.core.database.write() as tx:
        hub.core.registry.local.suspend(tx, "police", "ada", "leaf was copied")
    hub.core.registry.federation.suspend(())  # as a process that has not read it yet
    assert standing(hub) == "passes"
    hub.beat()
    assert standing(hub) == "agency_suspended"


def test_a_certificate_is_barred(hub: HubKit) -> None:
    hub.agency("police")
    local = hub.core.registry.local
    with hub.core.database.write() as tx:
        local.bar(tx, "police.example", 7, "ada", "stolen")
    assert (standing(hub), standing(hub, 8)) == ("certificate_revoked", "passes")
    with pytest.raises(PasserelleError, match="suspend_refused"), hub.core.database.write() as tx:
        local.bar(tx, "police.example", 7, "ada", "stolen")
    assert "certificate.barred" in kinds(hub)


def test_nobody_unknown_is_suspended(hub: HubKit) -> None:
    with pytest.raises(PasserelleError, match="agency_unknown"), hub.core.database.write() as tx:
        hub.core.registry.local.suspend(tx, "nobody", "ada", "x")
