"""What stands in the hub was decided: every effect names a stored decision that allowed it, and without one
nothing is done."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hub_kit import HubKit, Outage, hub_kit
from parties import MARKING
from sqlalchemy import Table, event, func, select

from passerelle.codec.header import encode_marking
from passerelle.errors import PasserelleError
from passerelle_hub import calls, facts
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.store import decisions, tables

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


def test_a_decision_is_stored_even_where_who_asked_first_came_to_nothing(hub: HubKit) -> None:
    side = facts.Side(encode_marking(MARKING), "police", "ter")
    asked = [facts.match(side, side._replace(originator="intelligence"), ("core",))]
    core = hub.core
    with pytest.raises(RuntimeError), core.database.write() as tx:
        for _ in range(2):  # the second time its own row is there, and still it is not stored for good
            (first,) = core.decisions.ask(tx, "match", asked, "test")
        raise RuntimeError
    with core.database.read() as tx:
        assert decisions.find(tx, first.id) is None
    for _ in range(3):
        with core.database.write() as tx:
            assert core.decisions.ask(tx, "match", asked, "test") == [first]
        with core.database.read() as tx:
            assert decisions.find(tx, first.id) is not None


def test_a_decision_that_is_stored_for_good_is_not_looked_up_again(hub: HubKit) -> None:
    side = facts.Side(encode_marking(MARKING), "police", "ter")
    asked = [facts.match(side, side._replace(originator="intelligence"), ("core",))]
    looked: list[str] = []

    @event.listens_for(hub.core.database.engine, "before_cursor_execute")
    def seen(*given: Any) -> None:
        if given[2].lstrip().startswith("SELECT decision.decision"):
            looked.append(given[2])

    for times in (1, 2, 2):  # who wrote it, who saw that another had, and nobody
        with hub.core.database.write() as tx:
            hub.core.decisions.ask(tx, "match", asked, "test")
        assert len(looked) == times
