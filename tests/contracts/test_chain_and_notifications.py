"""Chains, numbers without gaps, acknowledgements."""

from __future__ import annotations

import pytest

from passerelle.record import GENESIS, Position
from passerelle_hub.store import Database, batches, notifications


def test_an_unknown_agency_starts_at_genesis(database: Database) -> None:
    with database.read() as tx:
        assert batches.position(tx, "police") == Position(1, GENESIS)


def test_the_chain_advances_one_number_at_a_time(database: Database) -> None:
    with database.write() as tx:
        batches.advance(tx, "police", 1, b"a" * 32)
        batches.advance(tx, "police", 2, b"b" * 32)
        assert batches.position(tx, "police") == Position(3, b"b" * 32)


def test_numbers_are_per_agency_and_survive_a_rollback_without_a_gap(database: Database) -> None:
    with database.write() as tx:
        assert notifications.next_sequences(tx, {"police": 2}) == {"police": range(1, 3)}
        assert notifications.next_sequences(tx, {}) == {}
        two = notifications.next_sequences(tx, {"police": 1, "customs": 3})
        assert two == {"police": range(3, 4), "customs": range(1, 4)}
    with pytest.raises(RuntimeError), database.write() as tx:
        notifications.next_sequences(tx, {"police": 1})
        raise RuntimeError
    with database.write() as tx:
        assert notifications.next_sequences(tx, {"police": 2}) == {"police": range(4, 6)}


def test_only_what_was_sent_can_be_acknowledged_and_never_less_than_before(database: Database) -> None:
    with database.write() as tx:
        for _ in range(3):
            notifications.next_sequences(tx, {"police": 1})
        assert notifications.acknowledge(tx, "police", 2)
        assert not notifications.acknowledge(tx, "police", 4)
        assert notifications.acknowledge(tx, "police", 1)
        assert notifications.acknowledged(tx, "police") == 2
