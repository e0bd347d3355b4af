"""Ids of questions, and notifications without a link, alike on both databases."""

from __future__ import annotations

from passerelle_hub.store import Database, exports, notifications, queries
from passerelle_hub.store.notifications import StoredNotification


def test_an_id_is_used_once_by_each_agency_until_it_is_let_go(database: Database) -> None:
    with database.write() as tx:
        assert queries.use(tx, "police", b"1" * 16, 10, 0)
        assert not queries.use(tx, "police", b"1" * 16, 11, 0)
        assert queries.use(tx, "customs", b"1" * 16, 12, 0)
        assert queries.use(tx, "police", b"2" * 16, 20, 11)
        assert queries.use(tx, "police", b"1" * 16, 21, 11)


def test_a_notification_may_be_about_a_query(database: Database) -> None:
    note = StoredNotification("police", 1, None, 5, "d", bytes(32), b"sealed", b"q" * 16)
    with database.write() as tx:
        notifications.put(
            tx, [note, StoredNotification("police", 2, None, 5, "d", bytes(32), b"s", b"r" * 16)]
        )
    with database.read() as tx:
        assert notifications.after(tx, "police", 0, 1) == (note,)
        assert [about for _, about in exports.notifications(tx)] == [b"q" * 16, b"r" * 16]
