"""An honest hub's export holds, whatever happened; a lawful erasure is no alarm."""

from __future__ import annotations

from pathlib import Path

from audit_kit import lively, past_expiry, verified
from hub_kit import HubKit


def test_an_honest_hub_is_verified_without_it(hub: HubKit, tmp_path: Path) -> None:
    lively(hub)
    found = verified(hub, tmp_path / "export")
    assert found.batches == 11
    assert found.records == 8
    assert found.revisions == 10
    assert found.decisions > 0
    assert found.pending == 0
    assert found.log.tail == 0


def test_a_lawful_erasure_is_no_alarm(hub: HubKit, tmp_path: Path) -> None:
    lively(hub)
    past_expiry(hub)
    found = verified(hub, tmp_path / "export")
    assert found.records == 8
