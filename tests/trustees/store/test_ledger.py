"""The ledger file: transactions leave all or nothing, another version is refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.oprf.protocol import EvaluateRequest
from passerelle_trustee.store import Ledger, evaluations

ASKED = EvaluateRequest(bytes(16), "demo", Group.PHONE, 1, 1, (1, 2), bytes(64))


def test_a_transaction_that_raises_leaves_nothing(ledger: Ledger) -> None:
    with pytest.raises(RuntimeError, match="crash"), ledger.write() as tx:
        evaluations.bill(tx, "customs", ASKED, bytes(32), 0)
        raise RuntimeError("crash")
    with ledger.read() as tx:
        assert evaluations.used(tx, "customs", Group.PHONE, 0) == 0
        assert evaluations.statement_of(tx, "customs", bytes(16)) is None


def test_attempts_are_counted(ledger: Ledger, tmp_path: Path) -> None:
    with ledger.write() as tx:
        evaluations.bill(tx, "customs", ASKED, bytes(32), 5)
        evaluations.repeat(tx, "customs", bytes(16), 9)
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        row = connection.execute("select elements, billed, attempts, last_attempt from request").fetchone()
    connection.close()
    assert row == (2, 5, 2, 9)


def test_another_schema_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    Ledger(file).close()
    with sqlite3.connect(file) as connection:
        connection.execute("update meta set value = 99")
    connection.close()
    with pytest.raises(PasserelleError, match="ledger_version"):
        Ledger(file)
