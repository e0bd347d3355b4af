"""A disk that fails a write ends the process at once; a full one does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Column, LargeBinary, MetaData, Table, func, insert, select
from sqlalchemy.exc import OperationalError

from passerelle.store import DatabaseFile, Schema

TABLES = MetaData()
ITEM = Table("item", TABLES, Column("body", LargeBinary))
SCHEMA = Schema(TABLES, 1, "store_version")
# A file may grow no further: SQLite reports it as it reports a bad sector.
PROGRAM = """
import resource, signal, sys
from pathlib import Path
from test_disk import ITEM, SCHEMA
from sqlalchemy import insert
from passerelle.store import DatabaseFile
database = DatabaseFile(Path(sys.argv[1]), SCHEMA)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    with database.write() as tx:
        tx.execute(insert(ITEM), {"body": bytes(1_000_000)})
finally:
    print("went on")
"""


@pytest.mark.integration
def test_a_write_that_the_disk_fails_ends_the_process(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "a.db")],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == os.EX_IOERR, done.stderr
    assert "disk.failed" in done.stdout
    assert "went on" not in done.stdout


def test_a_full_disk_undoes_the_transaction_and_the_next_may_succeed(tmp_path: Path) -> None:
    database = DatabaseFile(tmp_path / "a.db", SCHEMA)
    with database.write() as tx:
        tx.exec_driver_sql("PRAGMA max_page_count=40")
    with pytest.raises(OperationalError, match="full"), database.write() as tx:
        tx.execute(insert(ITEM), {"body": bytes(1_000_000)})
    with database.write() as tx:
        tx.execute(insert(ITEM), {"body": b"small"})
    with database.read() as tx:
        assert tx.scalar(select(func.count()).select_from(ITEM)) == 1
    database.close()
