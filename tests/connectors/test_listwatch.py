"""A connector does not call whom it cannot check any more: a list older than a day stops every call."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from certificate_kit import domain
from patience import PATIENCE

from passerelle.clock import DAY, HOUR, ManualClock
from passerelle.config import RevocationSettings
from passerelle.errors import PasserelleError
from passerelle.federation import Federation
from passerelle.revocation import Revocations
from passerelle.rpc.leaf import quiet
from passerelle.rpc.lists import list_keeper
from passerelle_connector.listwatch import ListWatch

HUB = "hub.example"


async def test_a_silent_authority_is_not_called_after_a_day(tmp_path: Path) -> None:
    clock = ManualClock()
    hub = domain(tmp_path, HUB, clock)
    (tmp_path / "lists").mkdir()
    file = tmp_path / "lists" / f"{HUB}.revocations"
    file.write_bytes(hub.list())
    held = Revocations(clock, required=True)
    keeper = list_keeper(RevocationSettings(), tmp_path / "lists", held, Federation(HUB, hub.roots))
    watch = ListWatch(keeper, held, lambda: (HUB,), 0.0)
    with pytest.raises(PasserelleError, match="revocations_missing"):
        watch.check()
    await asyncio.wait_for(watch.run(quiet), PATIENCE)
    watch.check()
    clock.advance(DAY + HOUR)
    with pytest.raises(PasserelleError, match="revocations_stale"):
        watch.check()
    with pytest.raises(PasserelleError, match="revocations_stale"):
        await watch.run(quiet)
    file.write_bytes(hub.list())
    await watch.run(quiet)
