"""Records, their sections and the token index, alike on both databases."""

from __future__ import annotations

import os
from typing import Any

import pytest
from sqlalchemy import func, select
from store_kit import new_batch, new_record, store

from passerelle.holdings import Holding, HoldingState
from passerelle.record import KekWrap
from passerelle_hub.store import Database, holdings, marks, population, records
from passerelle_hub.store.tables import header, kek, record, section, section_wrap, token


@pytest.mark.parametrize("count", [1, 2, 700])
def test_records_are_read_as_they_were_stored(database: Database, count: int) -> None:
    with database.write() as tx:
        batch_pk = new_batch(tx)
        keys = store(tx, [new_record(batch_pk, number) for number in range(count)])
        records.put_keks(tx, batch_pk, [KekWrap("customs", bytes(32), b"sealed")])
    with database.read() as tx:
        rows = records.by_key(tx, list(keys.values()))
        assert {row.record_id: key for key, row in rows.items()} == keys
        assert len(rows) == count
        assert all(key == row.record_pk and row.batch_pk == batch_pk for key, row in rows.items())
        assert {(row.marking, row.state) for row in rows.values()} == {(b"\0marking\xff", "active")}
        for table, rows_of in ((header, 1), (section, 1), (section_wrap, 2)):
            assert tx.scalar(select(func.count()).select_from(table)) == rows_of * count
        assert tx.scalar(select(kek.c.sealed)) == b"sealed"
        assert records.counts(tx) == {"police": count}
        assert sum(population.visible(tx, "ter").values()) == count


def test_a_revision_keeps_the_key_and_a_lost_key_never_comes_again(database: Database) -> None:
    with database.write() as tx:
        batch_pk = new_batch(tx)
        first = store(tx, [new_record(batch_pk, number) for number in (1, 2)])
    with pytest.raises(RuntimeError), database.write() as tx:
        store(tx, [new_record(new_batch(tx, sequence=2), 3)])
        raise RuntimeError
    with database.write() as tx:
        batch_pk = new_batch(tx, sequence=3)
        changed = new_record(batch_pk, 2, revision=2, state="withdrawn")
        changed_id = changed.row.record_id
        keys = store(tx, [changed, new_record(batch_pk, 4)])
        assert keys[changed_id] == first[changed_id]
        assert keys[(4).to_bytes(16, "big")] > max(first.values())
        assert records.revisions(tx, "police", [changed_id]) == {changed_id: (first[changed_id], 2)}
        rows = records.by_key(tx, [*keys.values(), *first.values()])
        assert {key for key, row in rows.items() if row.batch_pk == batch_pk} == set(keys.values())
        assert records.counts(tx) == {"police": 2}


def test_a_record_keeps_a_copy_of_its_marks_until_it_is_erased(database: Database) -> None:
    marked = [bytes(16), bytes(range(16)), b"\xff" * 16]
    with database.write() as tx:
        batch_pk = new_batch(tx)
        several, none = new_record(batch_pk, 1, marks=marked), new_record(batch_pk, 2, marks=())
        keys = store(tx, [several, none])
    key, bare = keys[several.row.record_id], keys[none.row.record_id]
    changed = new_record(batch_pk, 1, revision=2, marks=[b"\xff" * 16])
    with database.write() as tx:
        assert {row.record_pk: row.marks for row in records.by_key(tx, [key, bare]).values()} == {
            key: b"".join(marked),
            bare: b"",
        }
        store(tx, [changed])
        assert records.by_key(tx, [key])[key].marks == b"\xff" * 16
        assert tx.execute(select(record).where(record.c.marks != b"")).one().marks == b"\xff" * 16
        records.erase(tx, key, "expired")
        assert records.by_key(tx, [key])[key].marks == b""


def test_what_expired_is_found_and_erased(database: Database) -> None:
    with database.write() as tx:
        batch_pk = new_batch(tx)
        keys = store(tx, [new_record(batch_pk, number) for number in range(4)])
        assert [int.from_bytes(row.record_id, "big") for row in records.expired(tx, 2, 10)] == [1, 2]
        records.erase(tx, keys[(1).to_bytes(16, "big")], "expired")
        assert [int.from_bytes(row.record_id, "big") for row in records.expired(tx, 2, 10)] == [2]
        assert tx.scalar(select(func.count()).select_from(section)) == 3


def test_the_population_is_what_is_active_and_under_no_embargo(database: Database) -> None:
    steps: list[tuple[dict[str, Any], dict[str, int]]] = [
        ({}, {"ter": 3}),
        ({"embargoed": True}, {"ter": 2}),
        ({"embargoed": False}, {"ter": 3}),
        ({"domain": "drugs"}, {"ter": 2, "drugs": 1}),
        ({"domain": "drugs", "state": "withdrawn"}, {"ter": 2}),
        ({}, {"ter": 3}),
    ]
    with database.write() as tx:
        batch_pk = new_batch(tx)
        store(tx, [new_record(batch_pk, number) for number in (1, 2)])
        store(tx, [new_record(batch_pk, 4, state="withdrawn")])
    for revision, (other, held) in enumerate(steps, start=1):
        with database.write() as tx:
            new = new_record(batch_pk, 3, revision=revision)
            (key,) = store(tx, [new._replace(row=new.row._replace(**other))]).values()
        with database.read() as tx:
            found = {domain: sum(population.visible(tx, domain).values()) for domain in ("ter", "drugs")}
        assert found == {"drugs": 0} | held
    with database.write() as tx:
        records.erase(tx, key, "expired")
        records.erase(tx, key, "expired")
        assert sum(population.visible(tx, "ter").values()) == 2


def test_holdings_are_in_order_of_their_ids(database: Database) -> None:
    ids = sorted(os.urandom(16) for _ in range(50))
    with database.write() as tx:
        batch_pk = new_batch(tx)
        new = [new_record(batch_pk, at) for at in range(len(ids))]
        places = zip(new, reversed(ids), strict=True)
        store(tx, [one._replace(row=one.row._replace(record_id=other)) for one, other in places])
    with database.read() as tx:
        assert list(holdings.active(tx, "police")) == [(one, 1) for one in ids]
        every = holdings.listed(tx, "police", bytes(range(256)), bytes(16), 100)
        assert every == tuple(Holding(one, 1, HoldingState.ACTIVE) for one in ids)
        assert holdings.listed(tx, "police", bytes(range(256)), ids[9], 5) == every[10:15]


@pytest.mark.parametrize("count", [1, 3, 2_000])
def test_the_index_finds_every_carrier_of_a_mark(database: Database, count: int) -> None:
    own = [os.urandom(16) for _ in range(count)]
    with database.write() as tx:
        batch_pk = new_batch(tx)
        (key,) = store(tx, [new_record(batch_pk, 1, marks=own)]).values()
        entries = [mark + (32_767).to_bytes(2, "big") for mark in own]
        marks.put(tx, [(2**40, entries), (key, entries)])
        marks.put(tx, [])
        marks.put(tx, [(2**40 + 7, entries[:1]), (9, [bytes(18)]), (10, [])])
    with database.write() as tx:
        found = marks.shared(tx, [batch_pk])
        assert found.keys() == set(own)
        assert {mark.kind for mark in found.values()} == {32_767}
        assert sorted(found[own[0]].records) == sorted([key, 2**40, 2**40 + 7])
        assert all(sorted(found[mark].records) == sorted([key, 2**40]) for mark in own[1:])
        assert marks.shared(tx, []) == marks.shared(tx, [batch_pk + 1]) == {}
        assert marks.count(tx) == 2 * count + 2
        marks.remove(tx, [(mark, 2**40) for mark in own])
        marks.remove(tx, [])
        assert marks.shared(tx, [batch_pk]).keys() == {own[0]}


def test_marks_that_batches_share_among_themselves_are_found_once(database: Database) -> None:
    mark, alone = os.urandom(16), os.urandom(16)
    with database.write() as tx:
        batches = [new_batch(tx, sequence=1), new_batch(tx, sequence=2)]
        new = [new_record(batches[number % 2], number, marks=[mark]) for number in range(5)]
        new.append(new_record(batches[0], 9, marks=[alone]))
        keys = store(tx, new)
        marks.put(tx, [(keys[one.row.record_id], one.row.entries) for one in new])
    with database.write() as tx:
        for some in (batches, batches[:1]):
            found = marks.shared(tx, some)
            assert found.keys() == {mark}
            assert sorted(found[mark].records) == sorted(keys.values())[:-1]


@pytest.mark.parametrize("carriers", [3, 4, 5, 30])
def test_of_a_mark_that_many_carry_some_are_listed(database: Database, carriers: int) -> None:
    mark, kind = os.urandom(16), (7).to_bytes(2, "big")
    with database.write() as tx:
        batches = [new_batch(tx, sequence=number) for number in (1, 2)]
        new = [new_record(batches[not at], at, marks=[mark]) for at in range(carriers)]
        new = [one._replace(row=one.row._replace(embargoed=at % 3 == 0)) for at, one in enumerate(new)]
        keys = list(store(tx, new).values())
        marks.put(tx, [(key, [mark + kind]) for key in keys])
    with database.write() as tx:
        for batch in batches:
            (found,) = marks.shared(tx, [batch], 4).values()
            assert found.kind == 7
            assert len(set(found.records)) == len(found.records) <= 7
            assert set(found.records) <= set(keys)
            assert (len(found.records) > 4) == (carriers > 4)
            assert carriers > 4 or set(found.records) == set(keys)
        seen = marks.visible(tx, [mark, bytes(16)], 3)
        assert len(seen[mark]) == min(3, carriers - len(keys[::3]))
        assert set(seen[mark]) <= set(keys) - set(keys[::3])
        assert (seen[bytes(16)], marks.visible(tx, [], 3)) == ([], {})


def test_index_and_records_fall_with_their_transaction(database: Database) -> None:
    entry = os.urandom(18)
    with pytest.raises(RuntimeError), database.write() as tx:
        with tx.begin_nested():
            batch_pk = new_batch(tx)
            store(tx, [new_record(batch_pk, number) for number in (1, 2)])
        marks.put(tx, [(1, [entry]), (2, [entry])])
        raise RuntimeError
    with database.write() as tx:
        assert marks.count(tx) == 0
        assert records.counts(tx) == {}
        with pytest.raises(RuntimeError), tx.begin_nested():
            marks.put(tx, [(1, [entry]), (2, [entry])])
            raise RuntimeError
        marks.put(tx, [(3, [entry]), (4, [entry])])
    with database.write() as tx:
        assert list(tx.scalars(select(token.c.record_pk).order_by(token.c.record_pk))) == [3, 4]
