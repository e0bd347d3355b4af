"""Records, their sections and the token index, alike on both databases."""

from __future__ import annotations

import os

import pytest
from sqlalchemy import func, select
from store_kit import new_batch, new_record, store

from passerelle.holdings import Holding, HoldingState
from passerelle.record import KekWrap
from passerelle_hub.store import Database, holdings, marks, records
from passerelle_hub.store.marks import MarkRow
from passerelle_hub.store.tables import header, kek, section_wrap


@pytest.mark.parametrize("count", [1, 2, 700])
def test_records_are_read_as_they_were_stored(database: Database, count: int) -> None:
    with database.write() as tx:
        batch_pk = new_batch(tx)
        keys = store(tx, [new_record(batch_pk, number) for number in range(count)])
        records.put_keks(tx, batch_pk, [KekWrap("customs", bytes(32), b"sealed")])
    with database.read() as tx:
        rows = records.of_batch(tx, batch_pk)
        assert [row.record_id for row in rows] == [number.to_bytes(16, "big") for number in range(count)]
        assert [row.record_pk for row in rows] == sorted(keys.values())
        assert rows[0].marking == b"\0marking\xff" and rows[0].state == "active"
        assert records.by_key(tx, list(keys.values())) == {row.record_pk: row for row in rows}
        assert records.section_count(tx) == count
        for table, rows_of in ((header, 1), (section_wrap, 2)):
            assert tx.scalar(select(func.count()).select_from(table)) == rows_of * count
        assert tx.scalar(select(kek.c.sealed)) == b"sealed"
        assert records.counts(tx) == {"police": count}
        assert records.visible(tx, "ter") == count


def test_a_revision_keeps_the_key_and_a_lost_key_never_comes_again(database: Database) -> None:
    with database.write() as tx:
        batch_pk = new_batch(tx)
        first = store(tx, [new_record(batch_pk, number) for number in (1, 2)])
    with pytest.raises(RuntimeError), database.write() as tx:
        store(tx, [new_record(new_batch(tx, sequence=2), 3)])
        raise RuntimeError
    with database.write() as tx:
        batch_pk = new_batch(tx, sequence=3)
        changed = new_record(batch_pk, 2, revision=2)._replace(state="withdrawn", embargoed=True)
        keys = store(tx, [changed, new_record(batch_pk, 4)])
        assert keys[changed.record_id] == first[changed.record_id]
        assert keys[(4).to_bytes(16, "big")] > max(first.values())
        assert records.revisions(tx, "police", [changed.record_id]) == {
            changed.record_id: (first[changed.record_id], 2)
        }
        assert {row.record_pk for row in records.of_batch(tx, batch_pk)} == set(keys.values())
        assert records.counts(tx) == {"police": 2}


def test_what_expired_is_found_and_erased(database: Database) -> None:
    with database.write() as tx:
        batch_pk = new_batch(tx)
        keys = store(tx, [new_record(batch_pk, number) for number in range(4)])
        assert [int.from_bytes(row.record_id, "big") for row in records.expired(tx, 2, 10)] == [1, 2]
        records.erase(tx, keys[(1).to_bytes(16, "big")], "expired")
        assert [int.from_bytes(row.record_id, "big") for row in records.expired(tx, 2, 10)] == [2]
        assert records.section_count(tx) == 3


def test_holdings_are_in_order_of_their_ids(database: Database) -> None:
    ids = sorted(os.urandom(16) for _ in range(50))
    with database.write() as tx:
        batch_pk = new_batch(tx)
        store(tx, [new_record(batch_pk, at)._replace(record_id=one) for at, one in enumerate(reversed(ids))])
    with database.read() as tx:
        assert list(holdings.active(tx, "police")) == [(one, 1) for one in ids]
        every = holdings.listed(tx, "police", bytes(range(256)), bytes(16), 100)
        assert every == tuple(Holding(one, 1, HoldingState.ACTIVE) for one in ids)
        assert holdings.listed(tx, "police", bytes(range(256)), ids[9], 5) == every[10:15]


@pytest.mark.parametrize("count", [1, 3, 2_000])
def test_the_index_finds_every_carrier_of_a_mark(database: Database, count: int) -> None:
    own = sorted(os.urandom(16) for _ in range(count))
    rows = sorted([MarkRow(mark, 2**40 + 7, 65_535 // 2) for mark in own] + [MarkRow(own[0], 9, 1)])
    with database.write() as tx:
        marks.put(tx, rows)
        marks.put(tx, [])
    with database.write() as tx:
        assert sorted(marks.holders(tx, own)) == rows
        assert marks.holders(tx, [os.urandom(16)]) == [] == marks.holders(tx, [])
        assert marks.count(tx) == count + 1
        marks.remove(tx, [(mark, 2**40 + 7) for mark in own])
        marks.remove(tx, [])
        assert marks.holders(tx, own) == [MarkRow(own[0], 9, 1)]


def test_index_and_records_fall_with_their_transaction(database: Database) -> None:
    mark = os.urandom(16)
    with pytest.raises(RuntimeError), database.write() as tx:
        with tx.begin_nested():
            batch_pk = new_batch(tx)
            store(tx, [new_record(batch_pk, number) for number in (1, 2)])
        marks.put(tx, [MarkRow(mark, 1, 1), MarkRow(mark, 2, 1)])
        raise RuntimeError
    with database.write() as tx:
        assert marks.holders(tx, [mark]) == []
        assert records.counts(tx) == {}
        with pytest.raises(RuntimeError), tx.begin_nested():
            marks.put(tx, [MarkRow(mark, 1, 1), MarkRow(mark, 2, 1)])
            raise RuntimeError
        marks.put(tx, [MarkRow(mark, 3, 1), MarkRow(mark, 4, 1)])
    with database.write() as tx:
        assert sorted(row.record_pk for row in marks.holders(tx, [mark])) == [3, 4]
