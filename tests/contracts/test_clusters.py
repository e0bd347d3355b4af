"""Clusters and the links to be worked into them, alike on both databases."""

from __future__ import annotations

import os

from store_kit import new_batch, new_record, store

from passerelle.notification import Band, LinkState
from passerelle_hub.store import Database, Transaction, clusters, links, marks
from passerelle_hub.store.clusters import Place, Tie
from passerelle_hub.store.links import StoredLink


def keys(tx: Transaction, many: int) -> list[int]:
    batch = new_batch(tx)
    return list(store(tx, [new_record(batch, number) for number in range(1, many + 1)]).values())


def open_link(tx: Transaction, low: int, high: int, **fields: str) -> StoredLink:
    new = StoredLink(
        0, os.urandom(16), low, high, "same_person", "notified", "strong", 21.5, "[]", "w/1", "d", 7
    )
    return links.open_links(tx, [new._replace(**fields)])[0]  # type: ignore[arg-type]  # texts, all of them


def test_every_change_of_a_link_is_noted_and_taken_once(database: Database) -> None:
    with database.write() as tx:
        assert clusters.waiting(tx, 9) == []
        a, b, c = keys(tx, 3)
        first = open_link(tx, a, b)
        open_link(tx, b, c)
        links.change(tx, links.erased(first, 8))
    with database.write() as tx:
        first_news, second_news, third_news = clusters.waiting(tx, 9)
        assert clusters.waiting(tx, 1) == [first_news]
        assert clusters.waiting(tx, 9, [first_news, third_news]) == [second_news]
        assert clusters.take(tx, [first_news]) == [a, b]
        assert clusters.take(tx, [first_news, second_news, third_news]) == [a, b, c]
        assert clusters.take(tx, [second_news]) == clusters.take(tx, []) == []
        assert clusters.waiting(tx, 9) == []


def test_ties_are_links_that_say_who_somebody_is(database: Database) -> None:
    with database.write() as tx:
        assert clusters.ties(tx, []) == []
        a, b, c, d = keys(tx, 4)
        plain = open_link(tx, a, b)
        refuted = open_link(tx, b, c, state="refuted", band="possible")
        for hidden in ("director_only", "candidate", "erased", "undetermined"):
            open_link(tx, a, d, state=hidden, relation=f"same_{hidden}"[:24])
        open_link(tx, c, d, relation="shared_means")
        found = clusters.ties(tx, [b, d])
    assert found == [
        Tie(plain.link_pk, a, b, LinkState.NOTIFIED, Band.STRONG, "[]"),
        Tie(refuted.link_pk, b, c, LinkState.REFUTED, Band.POSSIBLE, "[]"),
    ]
    assert [tie.holds for tie in found] == [True, False]


def test_places_are_put_replaced_and_left(database: Database) -> None:
    with database.write() as tx:
        clusters.alone(tx)
        a, b, c, d = keys(tx, 4)
        clusters.put(tx, {b: Place(a, True), a: Place(a, False), c: Place(c, True), d: None})
        assert clusters.places(tx, [a, b, c, d]) == {
            a: Place(a, False),
            b: Place(a, True),
            c: Place(c, True),
        }
        assert clusters.counts(tx) == {"2": 1}
        assert clusters.listing(tx) == ((("police", (1).to_bytes(16)), ("police", (2).to_bytes(16))),)
        clusters.put(tx, {a: None, b: None})
        assert clusters.places(tx, [a, b, c]) == {c: Place(c, True)}
        clusters.put(tx, {})
        assert clusters.places(tx, []) == {}


def test_the_kind_of_a_mark_is_read_from_one_row(database: Database) -> None:
    some = [bytes([number]) * 16 for number in range(3)]
    with database.write() as tx:
        marks.put(tx, [(key, [mark + b"\0\7" for mark in some[:2]]) for key in range(1, 30)])
        assert marks.kinds(tx, some) == {some[0]: 7, some[1]: 7}
        assert marks.kinds(tx, []) == {}
