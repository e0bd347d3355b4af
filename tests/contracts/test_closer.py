"""Closer looks in the store, alike on both databases."""

from __future__ import annotations

import os

from store_kit import new_batch, new_record, store

from passerelle_hub.store import Database, Transaction, closer, records
from passerelle_hub.store.closer import NewLook


def asked(tx: Transaction, expires: int = 100) -> tuple[NewLook, tuple[int, int]]:
    """A question about two records of two agencies."""
    (low,) = store(tx, [new_record(new_batch(tx), 1)]).values()
    (high,) = records.put(tx, [new_record(new_batch(tx, "customs"), 2, agency="customs")], {}).values()
    look = NewLook(low, high, os.urandom(16), expires, "d" * 32)
    closer.ask(tx, [look])
    return look, (low, high)


def test_each_side_is_asked_for_its_own_record_until_it_answers(database: Database) -> None:
    with database.write() as tx:
        look, _ = asked(tx)
        (police,), (customs,) = (closer.waiting(tx, name, 5, 10) for name in ("police", "customs"))
        assert police == (look.nonce, (1).to_bytes(16, "big"), 1)
        assert customs == (look.nonce, (2).to_bytes(16, "big"), 1)
        assert closer.waiting(tx, "prisons", 5, 10) == ()
        assert closer.count(tx) == 1
        assert closer.waiting(tx, "police", 100, 10) == ()
        assert closer.answer(tx, "police", look.nonce, 5, b"one")
        assert not closer.answer(tx, "police", look.nonce, 5, b"again")
        assert not closer.answer(tx, "prisons", look.nonce, 5, b"theirs")
        assert closer.waiting(tx, "police", 5, 10) == ()
        assert closer.answered(tx, 10) == {}
        assert not closer.answer(tx, "customs", look.nonce, 100, b"late")
        assert closer.answer(tx, "customs", look.nonce, 5, b"two")
        assert list(closer.answered(tx, 10).values()) == [[look.nonce]]


def test_the_answers_are_dropped_once_compared(database: Database) -> None:
    with database.write() as tx:
        look, pair = asked(tx)
        assert closer.claim(tx, look.nonce) is None
        closer.answer(tx, "police", look.nonce, 5, b"one")
        closer.answer(tx, "customs", look.nonce, 5, b"two")
        claimed = closer.claim(tx, look.nonce)
        assert claimed is not None
        assert (claimed.low_answer, claimed.high_answer) == (b"one", b"two")
        closer.finish(tx, look.nonce, '{"given":"close"}')
        assert closer.count(tx) == 0
        assert closer.claim(tx, look.nonce) is None
        found = closer.of_pairs(tx, [pair, (pair[0], 99)])
        assert found.keys() == {pair}
        assert found[pair] == (*pair, look.nonce, "compared", b"", b"", '{"given":"close"}')
        assert closer.lapse(tx, 1_000) == 0


def test_a_look_ends_with_a_revision(database: Database) -> None:
    with database.write() as tx:
        look, pair = asked(tx)
        store(tx, [new_record(new_batch(tx, sequence=2), 1, revision=2)])
        assert closer.of_pairs(tx, [pair]) == {}
        assert closer.waiting(tx, "customs", 5, 10) == ()
        assert not closer.answer(tx, "police", look.nonce, 5, b"one")
        again = look._replace(nonce=os.urandom(16))
        closer.ask(tx, [again])
        ((nonce, _, revision),) = closer.waiting(tx, "police", 5, 10)
        assert (nonce, revision) == (again.nonce, 2)


def test_what_nobody_answers_lapses(database: Database) -> None:
    with database.write() as tx:
        _, pair = asked(tx)
        assert closer.lapse(tx, 99) == 0
        assert closer.lapse(tx, 100) == 1
        assert closer.of_pairs(tx, [pair]) == {}


def test_a_look_at_a_withdrawn_record_is_forgotten(database: Database) -> None:
    with database.write() as tx:
        _, pair = asked(tx)
        records.erase(tx, pair[0], "expired")
        assert closer.waiting(tx, "customs", 5, 10) == ()
        assert closer.lapse(tx, 5) == 1
