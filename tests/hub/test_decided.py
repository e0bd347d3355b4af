"""What stands in the hub was decided: every effect names a stored decision that allowed it, and without one
nothing is done."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hub_kit import HubKit, Outage, hub_kit
from parties import MARKING
from sqlalchemy import Table, func, select

from passerelle.errors import PasserelleError
from passerelle_hub import calls
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.store import tables

SAME = {"surname+given+birth": "jansen jan 1980-02-03", "national number": "80020312345"}
EFFECTS = {"header": "submission", "link": "match", "notification": "notify"}
"""Tables whose rows are effects, and the package that must have allowed each row."""


def effect_tables() -> dict[str, Table]:
    """Every table that names a decision."""
    found = {name: table for name, table in tables.metadata.tables.items() if "decision" in table.c}
    return {name: table for name, table in found.items() if name != "decision"}


def total(hub: HubKit, table: Table) -> int:
    with hub.core.database.read() as tx:
        return int(tx.execute(select(func.count()).select_from(table)).scalar_one())


def test_every_effect_names_the_decision_that_allowed_it(hub: HubKit) -> None:
    police, intelligence = hub.agency("police"), hub.agency("intelligence")
    hub.submit(police, police.record(SAME), police.record({"national number": "1"}))
    hub.submit(intelligence, intelligence.record(SAME))
    embargoed = replace(MARKING, embargo_basis="ongoing")
    hub.submit(intelligence, intelligence.record({"national number": "1"}, marking=embargoed))
    hub.beat()
    assert effect_tables().keys() >= EFFECTS.keys()
    with hub.core.database.read() as tx:
        taken = {row.decision: row for row in tx.execute(select(tables.decision))}
        for name, package in EFFECTS.items():
            rows = tx.execute(select(effect_tables()[name].c.decision)).scalars().all()
            assert rows
            assert {taken[one].package for one in rows} == {package}
            assert all(taken[one].allow for one in rows)


@pytest.mark.parametrize("method", [name for name, rule in calls.RULES.items() if rule.package == "admin"])
def test_no_call_is_let_through_without_a_decision(
    method: str, tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle
) -> None:
    outage = Outage(engine)
    with hub_kit(tmp_path, outage, bundle) as hub:
        caller = hub.agency("police").identity
        outage.down = True
        with pytest.raises(PasserelleError) as refused:
            hub.core.access.require(caller, calls.RULES[method])
        assert (refused.value.code, refused.value.detail) == ("call_denied", "policy_unavailable")


def test_no_batch_leaves_anything_behind_without_a_decision(
    tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle
) -> None:
    outage = Outage(engine)
    with hub_kit(tmp_path, outage, bundle) as hub:
        police = hub.agency("police")
        outage.down = True
        receipt = hub.submit(police, police.record(SAME, record_id=os.urandom(16)))
        assert receipt.code == "policy_unavailable"
        assert {name: total(hub, table) for name, table in effect_tables().items()} == dict.fromkeys(
            effect_tables(), 0
        )
