"""Copies, archived changes and restores: nothing acknowledged is lost, nothing erased comes back, no fork."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from backup_kit import Vaulted
from parties import HUB

from passerelle.checkpoint import Checkpoint, sign_checkpoint
from passerelle.errors import PasserelleError
from passerelle.holdings import Comparison, summarise
from passerelle.note import Note
from passerelle.seal import SealingKey
from passerelle.sign import SigningKey
from passerelle_hub.backup import copying
from passerelle_hub.backup.archive import CHANGES, COPY, Seals, files
from passerelle_hub.backup.recovery import Recovery
from passerelle_hub.store import changes, holdings, log_store, recoveries

SAME = {"surname+given+birth": "jansen jan 1980-02-03", "national number": "80020312345"}


def submit(vaulted: Vaulted, *names: str, number: int = 0, expiry: int = 0) -> None:
    hub = vaulted.hub
    words = {name: f"{word} {number}" for name, word in SAME.items()}
    for name in names:
        agency = hub.agency(name)
        assert hub.submit(agency, agency.record(words)).code == ""


def code(act: Callable[[], object]) -> str:
    with pytest.raises(PasserelleError) as caught:
        act()
    return caught.value.code


def rows(file: Path) -> dict[str, list[object]]:
    """All rows of all tables but those that a restore itself writes to."""
    with closing(sqlite3.connect(file)) as raw:
        names = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        left_out = {"archive", "recovery", "sqlite_sequence"}
        return {
            name: sorted(raw.execute(f"SELECT * FROM {name}"), key=repr)  # noqa: S608 - our own names
            for name in names
            if name not in left_out
        }


def test_the_copy_and_the_changes_give_every_row_again(vaulted: Vaulted, tmp_path: Path) -> None:
    submit(vaulted, "police", "intelligence", number=1)
    made = vaulted.copy()
    submit(vaulted, "police", "intelligence", number=2)
    vaulted.hub.beat()
    before = rows(vaulted.source)
    target = tmp_path / "restored.db"
    restored = vaulted.restore(target)
    assert restored.position.number > made.number
    assert restored.applied == restored.position.number - made.number
    after = rows(target)
    news = [event for event in after["audit_event"] if event not in before["audit_event"]]
    assert len(news) == 1
    after["audit_event"] = before["audit_event"]
    assert after == before
    assert target.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in tmp_path.glob(".*")} == set()


def test_nothing_readable_lies_in_the_folder(vaulted: Vaulted) -> None:
    submit(vaulted, "police")
    vaulted.copy()
    content = b"".join(path.read_bytes() for path in vaulted.folder.iterdir())
    assert b"police" not in content
    assert b"SQLite" not in content
    assert b"INSERT" not in content
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in vaulted.folder.iterdir())


def test_a_restored_hub_matches_once_everybody_agreed(vaulted: Vaulted, tmp_path: Path) -> None:
    vaulted.copy()
    submit(vaulted, "police", "intelligence")  # acknowledged, not matched
    vaulted.restore(tmp_path / "restored.db")
    core = vaulted.core(tmp_path / "restored.db")
    assert core.pulse.beat().settled == 0
    for name, beats in (("police", 0), ("intelligence", 2)):
        peer = vaulted.hub.agency(name).identity
        with core.database.read() as tx:
            held = summarise(holdings.active(tx, name))
        for nobody in (True, False):
            question = Comparison(bytes(16), 2, summarise([]) if nobody else held)
            answer = core.holdings.answer(peer, question)
            assert answer.awaited is not nobody
            core.holdings.note(peer, answer)
        again = core.holdings.answer(peer, Comparison(bytes(16), 2, held))
        assert not again.awaited
        assert core.pulse.beat().settled == beats
    with core.database.read() as tx:
        counts = log_store.counts(tx)
    assert (counts["hub.restored"], counts["recovery.agreed"]) == (1, 2)
    assert len(core.outgoing.after(vaulted.hub.agency("police").identity, 0)) == 1


def test_the_operator_may_wait_no_more_and_says_why(vaulted: Vaulted, tmp_path: Path) -> None:
    vaulted.copy()
    vaulted.restore(tmp_path / "restored.db")
    core = vaulted.core(tmp_path / "restored.db")
    recovery = Recovery(vaulted.hub.core.audit, vaulted.hub.clock)
    with core.database.write() as tx:
        assert recoveries.awaited(tx) == ("intelligence", "police")
        recovery.waive(tx, "police", str(HUB), "merged")
        assert code(lambda: recovery.waive(tx, "police", str(HUB), "merged")) == "agency_unknown"
        recovery.agreed(tx, "police", "somebody nobody awaits")
        assert recoveries.awaited(tx) == ("intelligence",)
        assert log_store.counts(tx)["recovery.waived"] == 1


def test_a_change_that_never_committed_has_a_rival_that_counts(vaulted: Vaulted, tmp_path: Path) -> None:
    submit(vaulted, "police")
    vaulted.copy()
    with vaulted.hub.core.database.read() as tx:
        before = log_store.counts(tx)
    commit = "passerelle_hub.store.changes._write"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(OSError, match="killed"):
        patch.setattr(commit, _killed)
        submit(vaulted, "police", number=7)
    vaulted.hub.clock.advance(1)
    with vaulted.hub.core.database.read() as tx:
        assert log_store.counts(tx) == before
    submit(vaulted, "intelligence", number=1)
    vaulted.restore(tmp_path / "last.db")
    assert held(vaulted, tmp_path / "last.db") == {"police": 1, "intelligence": 1}
    submit(vaulted, "intelligence", number=2)
    vaulted.restore(tmp_path / "followed.db")
    assert held(vaulted, tmp_path / "followed.db") == {"police": 1, "intelligence": 2}


def test_an_archive_that_cannot_be_written_acknowledges_nothing(
    vaulted: Vaulted, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(vaulted, "police")

    def full(handle: int) -> None:
        raise OSError(28, "no space")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", full)
        assert code(lambda: submit(vaulted, "police", number=2)) == "backup_unwritable"
    assert held(vaulted, vaulted.source) == {"police": 1}
    submit(vaulted, "police", number=3)
    assert len(tuple(files(vaulted.folder, CHANGES))) > 1


def test_a_full_file_is_closed_and_another_begun(
    vaulted: Vaulted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("passerelle_hub.backup.archive.FULL_BYTES", 1)
    vaulted.copy()
    submit(vaulted, "police", "intelligence")
    vaulted.archive.close()
    assert len(tuple(files(vaulted.folder, CHANGES))) > 3
    vaulted.restore(tmp_path / "restored.db")
    assert held(vaulted, tmp_path / "restored.db") == {"police": 1, "intelligence": 1}


def test_an_erasure_after_the_copy_is_kept(vaulted: Vaulted, tmp_path: Path) -> None:
    submit(vaulted, "police")
    vaulted.copy()
    erase(vaulted)
    vaulted.restore(tmp_path / "restored.db")
    assert held(vaulted, tmp_path / "restored.db") == {}


def test_a_gap_is_refused_and_with_a_loss_erasures_are_carried_out_all_the_same(
    vaulted: Vaulted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(vaulted, "police")
    vaulted.copy()
    point = checkpoint(vaulted)
    monkeypatch.setattr("passerelle_hub.backup.archive.FULL_BYTES", 1)
    known = set(files(vaulted.folder, CHANGES))
    submit(vaulted, "intelligence")
    submit(vaulted, "intelligence", number=2)
    lost = sorted(set(files(vaulted.folder, CHANGES)) - known)[1]
    content = lost.read_bytes()
    lost.unlink()
    erase(vaulted)
    target = tmp_path / "restored.db"
    assert code(lambda: vaulted.restore(target)) == "backup_incomplete"
    assert code(lambda: vaulted.restore(target, accept_loss=True)) == "backup_behind_checkpoint"
    assert not target.exists()
    restored = vaulted.restore(target, checkpoint=point, accept_loss=True)
    assert len(restored.erase) == 1
    assert "police" not in held(vaulted, target)
    lost.write_bytes(content)
    assert vaulted.restore(tmp_path / "whole.db").erase == ()


def test_a_copy_older_than_an_erasure_nobody_can_name_is_refused(
    vaulted: Vaulted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(vaulted, "police")
    vaulted.copy()
    point = checkpoint(vaulted)
    monkeypatch.setattr("passerelle_hub.backup.archive.FULL_BYTES", 1)
    known = set(files(vaulted.folder, CHANGES))
    erase(vaulted)
    for lost in sorted(set(files(vaulted.folder, CHANGES)) - known):
        lost.unlink()
    submit(vaulted, "intelligence")
    target = tmp_path / "restored.db"
    refused = code(lambda: vaulted.restore(target, checkpoint=point, accept_loss=True))
    assert (refused, target.exists()) == ("backup_older_than_erasure", False)


def test_the_log_goes_on_from_a_checkpoint_and_never_forks(vaulted: Vaulted, tmp_path: Path) -> None:
    vaulted.copy()
    submit(vaulted, "police")
    vaulted.hub.beat()
    point = checkpoint(vaulted)
    vaulted.hub.beat()
    assert vaulted.restore(tmp_path / "good.db", checkpoint=point).applied > 0
    core = vaulted.core(tmp_path / "good.db")
    size = Checkpoint.parse(point.text).size
    with core.database.read() as tx:
        assert log_store.size(tx) > size
    last = max(files(vaulted.folder, CHANGES))
    changed = last.read_bytes()
    last.unlink()  # the copy alone is older than what witnesses know
    target = tmp_path / "behind.db"
    assert code(lambda: vaulted.restore(target, checkpoint=point)) == "backup_behind_checkpoint"
    last.write_bytes(changed)
    other = sign_checkpoint(vaulted.seals.signer, Checkpoint(str(HUB), size, bytes(32)))
    assert code(lambda: vaulted.restore(target, checkpoint=other)) == "backup_behind_checkpoint"
    foreign = sign_checkpoint(SigningKey.generate(), Checkpoint(str(HUB), size, bytes(32)))
    assert code(lambda: vaulted.restore(target, checkpoint=foreign)).startswith("note_")
    assert not target.exists()


def test_changes_after_a_restore_continue_no_copy_made_before(vaulted: Vaulted, tmp_path: Path) -> None:
    vaulted.copy()
    submit(vaulted, "police")
    restored = vaulted.restore(tmp_path / "restored.db")
    assert changes.position(tmp_path / "restored.db").digest != restored.position.digest


@pytest.mark.parametrize("kind", [COPY, CHANGES])
def test_bad_files_are_refused_by_code_and_leave_nothing(vaulted: Vaulted, tmp_path: Path, kind: str) -> None:
    vaulted.copy()
    vaulted.hub.clock.advance(1)
    vaulted.archive.close()
    submit(vaulted, "police")
    path, target = max(files(vaulted.folder, kind)), tmp_path / "restored.db"
    whole = path.read_bytes()
    for content, expected in (
        (whole[:40], "backup_truncated"),
        (b"something else" * 9, "backup_malformed"),
        (whole[:-1] + bytes([whole[-1] ^ 1]), "backup_altered"),
        (whole[:-30] if kind == COPY else whole[:41], "backup_truncated"),
    ):
        path.write_bytes(content)
        assert code(lambda: vaulted.restore(target)) == expected
        assert not target.exists()
    path.write_bytes(whole)
    wrong, vaulted.operator = vaulted.operator, SealingKey.generate()
    assert code(lambda: vaulted.restore(target)) == "backup_key_wrong"
    vaulted.operator = wrong
    path.rename(path.with_name(path.name.replace(kind, COPY if kind == CHANGES else CHANGES)))
    assert code(lambda: vaulted.restore(target)) in ("backup_malformed", "backup_missing")
    assert not target.exists()


def test_what_must_be_there_and_what_must_not(vaulted: Vaulted, tmp_path: Path) -> None:
    assert code(lambda: vaulted.restore(tmp_path / "restored.db")) == "backup_missing"
    assert code(lambda: copying.newest(vaulted.folder)) == "backup_missing"
    vaulted.copy()
    assert copying.newest(vaulted.folder) == vaulted.hub.clock.now()
    assert code(lambda: vaulted.restore(vaulted.source)) == "restore_target_exists"
    object.__setattr__(vaulted.hub.core.foundation, "pepper", bytes(32))
    assert code(lambda: vaulted.restore(tmp_path / "restored.db")) == "backup_pepper_wrong"
    vaulted.folder = tmp_path / "nowhere"
    assert code(vaulted.copy) == "backup_missing"


def test_the_pepper_is_escrowed_apart(vaulted: Vaulted, tmp_path: Path) -> None:
    pepper, hub = bytes(range(32)), str(HUB)
    vaulted.copy()
    refused = code(lambda: copying.escrow(pepper, hub, vaulted.operator.public, vaulted.folder / "pepper"))
    assert refused == "escrow_beside_backup"
    safe = tmp_path / "safe"
    safe.mkdir()
    copying.escrow(pepper, hub, vaulted.operator.public, safe / "pepper")
    assert copying.open_escrow(safe / "pepper", hub, vaulted.operator) == pepper
    stranger = SealingKey.generate()
    assert code(lambda: copying.open_escrow(safe / "pepper", hub, stranger)) == "backup_key_wrong"
    (safe / "other").write_bytes(b"what is this")
    assert code(lambda: copying.open_escrow(safe / "other", hub, vaulted.operator)) == "backup_malformed"


def test_a_folder_that_cannot_be_written_leaves_no_draft(
    vaulted: Vaulted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "no space")

    monkeypatch.setattr(os, "fsync", full)
    assert code(vaulted.copy) == "backup_unwritable"
    assert list(vaulted.folder.glob("*.tmp")) == []
    assert list(vaulted.source.parent.glob("*.copy")) == []


def test_another_hubs_files_are_refused(vaulted: Vaulted, tmp_path: Path) -> None:
    vaulted.seals = Seals("spiffe://hub.example/hub/other", vaulted.seals.signer, vaulted.seals.operator)
    vaulted.copy()
    assert code(lambda: vaulted.restore(tmp_path / "restored.db")) == "backup_malformed"


def test_a_migration_begins_a_new_chain(vaulted: Vaulted) -> None:
    database = vaulted.hub.core.database
    before = changes.position(vaulted.source)
    with database.write() as tx:
        tx.exec_driver_sql("UPDATE archive SET revision = 'older'")
    changes.follow(database, vaulted.archive, vaulted.hub.clock.now)
    assert changes.position(vaulted.source).digest != before.digest


def test_what_is_no_change_is_refused() -> None:
    for piece in (b"", b"{}", b"[]", b'{"number": 1}'):
        assert code(lambda piece=piece: changes.decode(piece)) == "backup_malformed"  # type: ignore[misc]


def test_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database at all, really none " * 99)
    assert code(lambda: changes.position(tmp_path / "text")) == "backup_malformed"
    assert code(lambda: changes.copy(tmp_path / "missing", tmp_path / "copy")) == "backup_malformed"


def erase(vaulted: Vaulted) -> None:
    """The retention sweep erases everything that is there."""
    core = vaulted.hub.core
    with core.database.write() as tx:
        tx.exec_driver_sql("UPDATE record SET expiry = 1 WHERE state = 'active' AND agency = 'police'")
    assert core.retention.sweep() == 1


def checkpoint(vaulted: Vaulted) -> Note:
    with vaulted.hub.core.database.write() as tx:
        return vaulted.hub.core.transparency.checkpoint(tx)


def held(vaulted: Vaulted, file: Path) -> dict[str, int]:
    """How many active records each agency has."""
    with closing(sqlite3.connect(file)) as raw:
        query = "SELECT agency, count(*) FROM record WHERE state = 'active' GROUP BY agency"
        return dict(raw.execute(query).fetchall())


def _killed(*_: object) -> None:
    raise OSError("killed")
