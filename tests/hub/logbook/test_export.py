"""An honest hub's export holds, whatever happened; a lawful erasure is no alarm."""

from __future__ import annotations

from pathlib import Path

import pytest
from audit_kit import exported, lively, past_expiry, verified
from hub_kit import HubKit

from passerelle.audit.query import Query
from passerelle.audit.verify import verify_export
from passerelle.clock import DAY
from passerelle.errors import PasserelleError
from passerelle_hub.logbook.erasure import DetailErasure
from passerelle_hub.store import log_store


def test_an_honest_hub_is_verified_without_it(hub: HubKit, tmp_path: Path) -> None:
    lively(hub)
    found = verified(hub, tmp_path / "export")
    assert found.batches == 11
    assert found.records == 8
    assert found.revisions == 10
    assert found.decisions > 0
    assert found.pending == 0
    assert found.log.tail == 0


def test_a_line_of_another_form_is_refused_wherever_it_stands(hub: HubKit, tmp_path: Path) -> None:
    lively(hub)
    folder = exported(hub, tmp_path / "export")
    first = (folder / name for name in ("about.json", "tail.jsonl", "ticks/000000000.jsonl"))
    for file in (*first, *sorted((folder / "rows").iterdir())):
        before = file.read_bytes()
        for line in (
            b"[]\n",
            b"{}\n",
            b'{"fields": {}, "id": 1, "subject": 2}\n',
            b"[1, 2, 3]\n",
            b"[" * 9_000,
        ):
            file.write_bytes(line)
            with pytest.raises(PasserelleError) as caught:
                verify_export(folder, hub.registry_key.public, 0)
            assert caught.value.code in ("export_unreadable", "log_false")
        file.write_bytes(before)
    verify_export(folder, hub.registry_key.public, 0)


def test_a_lawful_erasure_is_no_alarm(hub: HubKit, tmp_path: Path) -> None:
    lively(hub)
    past_expiry(hub)
    found = verified(hub, tmp_path / "export")
    assert found.records == 8


def test_details_go_and_everything_stays_provable(hub: HubKit, tmp_path: Path) -> None:
    lively(hub)
    hub.clock.advance(400 * DAY)
    erasure = DetailErasure(hub.core.database, hub.core.audit, hub.clock, days=365)
    assert erasure.run() > 20
    assert erasure.run() == 0
    hub.beat()
    with hub.core.database.read() as tx:
        found = log_store.search(tx, Query("test", limit=500))
    kept = {one.event.kind for one in found if one.event.detail or one.event.actor}
    assert kept == {"details.erased"}
    assert verified(hub, tmp_path / "export").records == 8


def test_checkpoints_that_nobody_was_offered_are_dropped(hub: HubKit) -> None:
    erasure = DetailErasure(hub.core.database, hub.core.audit, hub.clock, days=0)
    for _ in range(3):
        hub.beat()
        with hub.core.database.write() as tx:
            hub.core.transparency.checkpoint(tx)
    hub.clock.advance(DAY)
    assert erasure.run() == 0
    with hub.core.database.read() as tx:
        assert [log_store.checkpoint_of(tx, size) is not None for size in (1, 2, 3)] == [True, False, True]
