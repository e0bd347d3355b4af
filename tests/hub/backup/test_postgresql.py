"""A cluster is lost with its disk, and comes back from sealed copy, sealed segments and spool."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import postgres_kit
import psycopg
import pytest
from parties import HUB
from patience import wait_until

from passerelle.clock import SystemClock
from passerelle.errors import PasserelleError
from passerelle.seal import SealingKey
from passerelle.sign import SigningKey
from passerelle_hub.audit import Audit, EventSeal
from passerelle_hub.backup import postgresql
from passerelle_hub.backup.archive import COPY, WAL, Seals, files
from passerelle_hub.backup.recovery import Recovery
from passerelle_hub.backup.restore import Restored, Source
from passerelle_hub.store import Database, origin, recoveries
from passerelle_hub.store.changes import Position
from passerelle_hub.store.database import postgresql_address

pytestmark = pytest.mark.journey
PEPPER = bytes(range(32))


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> Path:
    found = postgres_kit.binaries()
    if found is None:
        pytest.skip("no PostgreSQL 15 or newer: apt-get install postgresql, or set PASSERELLE_POSTGRES")
    monkeypatch.setenv("PATH", f"{found}:{os.environ['PATH']}")
    return found


@pytest.fixture
def server(programs: Path) -> Iterator[postgres_kit.Server]:
    with postgres_kit.server(programs, ("synchronous_standby_names=pg_receivewal", "fsync=off")) as running:
        yield running


@pytest.fixture
def spool(server: postgres_kit.Server, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "spool"
    folder.mkdir()
    command = ["pg_receivewal", "--synchronous", f"--directory={folder}", "--no-loop"]
    receiving = subprocess.Popen([*command, f"--dbname={postgresql_address(server.url('postgres'))}"])
    yield folder
    receiving.kill()
    receiving.wait()


def run(server: postgres_kit.Server, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def code(act: Callable[[], object]) -> str:
    with pytest.raises(PasserelleError) as caught:
        act()
    return caught.value.code


def test_a_cluster_comes_back_with_everything_acknowledged(
    server: postgres_kit.Server, spool: Path, programs: Path, tmp_path: Path
) -> None:
    operator, signer = SealingKey.generate(), SigningKey.generate()
    seals = Seals(str(HUB), signer, operator.public)
    source = Source(tmp_path / "backup", str(HUB), signer.public, operator)
    source.folder.mkdir()
    address = postgresql_address(server.url("postgres"))
    run(server, "CREATE TABLE kept (word text)")
    with closing(Database(server.url("postgres"))) as hub:
        hub.migrate()
        assert not moved(hub)
    run(server, "INSERT INTO kept VALUES ('before the copy')")
    run(server, "SELECT pg_switch_wal()")
    wait_until(lambda: any(path.suffix == "" for path in spool.iterdir()))
    postgresql.copy(address, source.folder, seals, PEPPER, SystemClock(), spool)
    assert list(files(source.folder, WAL))
    run(server, "INSERT INTO kept VALUES ('after the copy')")  # waits for the spool
    server.kill()
    shutil.rmtree(server.folder / "data")

    again = postgres_kit.Server(programs)
    try:
        target = again.folder / "data"
        assert code(lambda: postgresql.restore(source, target, bytes(32), spool)) == "backup_pepper_wrong"
        stranger = Source(source.folder, str(HUB), signer.public, SealingKey.generate())
        assert code(lambda: postgresql.restore(stranger, target, PEPPER, spool)) == "backup_key_wrong"
        copy = max(files(source.folder, COPY))
        whole = copy.read_bytes()
        copy.write_bytes(whole[:-30])
        assert code(lambda: postgresql.restore(source, target, PEPPER, spool)) == "backup_truncated"
        copy.write_bytes(whole)
        assert not target.exists()
        assert postgresql.restore(source, target, PEPPER, spool) > 1
        assert code(lambda: postgresql.restore(source, target, PEPPER, spool)) == "restore_target_exists"
        _hand_over(target)
        again.start()
        assert run(again, "SELECT word FROM kept ORDER BY 1") == [("after the copy",), ("before the copy",)]
        wait_until(lambda: _is_up(again))
        _nothing_happens_before_somebody_says_that_it_was_restored(again)
    finally:
        again.close()


def test_what_keeps_a_copy_from_being_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seals = Seals(str(HUB), SigningKey.generate(), SealingKey.generate().public)

    def copy(folder: Path) -> object:
        return postgresql.copy(f"host={tmp_path}", folder, seals, PEPPER, SystemClock(), None)

    assert code(lambda: copy(tmp_path / "nowhere")) == "backup_missing"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert code(lambda: copy(tmp_path)) == "backup_tool_failed"
    (tmp_path / "pg_basebackup").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "pg_basebackup").chmod(0o755)
    assert code(lambda: copy(tmp_path)) == "backup_tool_failed"
    assert list(tmp_path.glob("copy-*")) == []


def test_an_address_shows_no_password() -> None:
    said = postgresql_address("postgresql+psycopg://hub:secret@db.example:5433/hub")
    assert said == "postgresql://hub@db.example:5433/hub"


def _nothing_happens_before_somebody_says_that_it_was_restored(server: postgres_kit.Server) -> None:
    with closing(Database(server.url("postgres"))) as hub:
        assert moved(hub)
        with hub.read() as tx:
            assert recoveries.waiting(tx)
        audit = Audit(SystemClock(), EventSeal(PEPPER))
        Recovery(audit, SystemClock()).begin(hub, Restored(Position(0, b"", 0), 0), ["police"], str(HUB))
        assert not moved(hub)
        with hub.read() as tx:
            assert recoveries.awaited(tx) == ("police",)


def moved(hub: Database) -> bool:
    with hub.read() as tx:
        return origin.moved(tx)


def test_a_process_keeps_to_the_server_that_it_met_first(programs: Path) -> None:
    with postgres_kit.server(programs) as server:
        with closing(Database(server.url("postgres"))) as hub:
            hub.migrate()
            hub.engine.dispose()
            assert not moved(hub)  # over a new connection
            server.kill()
            data = server.folder / "data"
            (data / "recovery.signal").touch(0o600)
            _hand_over(data)
            with (data / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
                settings.write("\nrestore_command = 'false'\n")
            server.start()
            wait_until(lambda: _is_up(server))
            hub.engine.dispose()
            assert code(lambda: moved(hub)) == "database_unavailable"
        with closing(Database(server.url("postgres"))) as hub:
            assert moved(hub)


def _is_up(server: postgres_kit.Server) -> bool:
    """Whether a server is through with its recovery."""
    return run(server, "SELECT pg_is_in_recovery()") == [(False,)]


def _hand_over(folder: Path) -> None:
    """To the user that the test's server runs as."""
    if os.geteuid() == 0:
        known = {entry.pw_name: entry for entry in pwd.getpwall()}
        owner = known.get("postgres") or known["nobody"]
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner.pw_uid, owner.pw_gid)
