"""Store of clusters: which records are one entity, and which changed links are still to be worked in.

`note` is called by the store of links alone, in the transaction that changes them, so that no change is
missed whoever makes it. It only appends, so it waits for nobody and cannot be lost behind somebody who takes
at that moment: what is not committed yet is not seen, hence not taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import delete, distinct, func, select

from passerelle.notification import Band, LinkState, Relation
from passerelle_hub.store.database import Transaction
from passerelle_hub.store.dialect import among, fetch, insert_rows, on_sqlite, parts
from passerelle_hub.store.tables import link, record
from passerelle_hub.store.tables_clusters import cluster_member, cluster_news

CLUSTER_LOCK: Final = 0x70617373_00000003
"""Advisory lock (PostgreSQL) of whoever computes clusters, until the commit."""
_TYING: Final = (LinkState.NOTIFIED, LinkState.UNDER_REVIEW, LinkState.CONFIRMED, LinkState.REFUTED)
_TIED: Final = frozenset({LinkState.NOTIFIED, LinkState.UNDER_REVIEW, LinkState.CONFIRMED})


class Tie(NamedTuple):
    """What clusters need of a link; `evidence` is JSON."""

    link_pk: int
    low: int
    high: int
    state: LinkState
    band: Band
    evidence: str

    @property
    def holds(self) -> bool:
        """Whether it ties its records, rather than keeps them apart."""
        return self.state in _TIED


class Place(NamedTuple):
    """Where a record stands: its cluster, and whether its agency knows of a third one in it."""

    cluster: int
    told: bool


class Late(NamedTuple):
    """Changed links of two agencies that wait to be worked in: how many, and since when."""

    low_agency: str
    high_agency: str
    waiting: int
    since: int


def alone(tx: Transaction) -> None:
    """Until the transaction ends, nobody else computes clusters; SQLite has one writer anyway."""
    if not on_sqlite(tx):
        tx.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (CLUSTER_LOCK,))


def note(tx: Transaction, changed: Sequence[int]) -> None:
    """Links (by key) were opened or changed."""
    insert_rows(tx, cluster_news, ("link_pk",), [(key,) for key in changed])


def waiting(tx: Transaction, limit: int, without: Sequence[int] = ()) -> list[int]:
    """Changes of links that are still to be worked in, by key, oldest first, but for those named."""
    query = select(cluster_news.c.news_pk).order_by(cluster_news.c.news_pk).limit(limit)
    if without:
        query = query.where(~among(tx, cluster_news.c.news_pk, without))
    return [key for (key,) in fetch(tx, query)]


def late(tx: Transaction, before: int) -> tuple[Late, ...]:
    """Links that changed before then and are not yet worked in, by the agencies of their records."""
    low, high = record.alias(), record.alias()
    who, many = (low.c.agency, high.c.agency), func.count(distinct(link.c.link_pk))
    rows = tx.execute(
        select(*who, many, func.min(link.c.changed))
        .select_from(cluster_news)
        .join(link, link.c.link_pk == cluster_news.c.link_pk)
        .join(low, low.c.record_pk == link.c.low)
        .join(high, high.c.record_pk == link.c.high)
        .where(link.c.changed < before)
        .group_by(*who)
        .order_by(*who)
    )
    return tuple(Late(*row) for row in rows)


def overtaken(tx: Transaction, since: int) -> bool:
    """Whether a link that changed after then was worked in."""
    waits = select(cluster_news.c.link_pk).where(cluster_news.c.link_pk == link.c.link_pk).exists()
    newer = select(link.c.link_pk).where(link.c.changed > since, ~waits).limit(1)
    return tx.execute(newer).first() is not None


def take(tx: Transaction, news: Sequence[int]) -> list[int]:
    """Take these changes out, those that nobody took; returns the keys of the links' records."""
    query = select(cluster_news.c.news_pk, link.c.low, link.c.high)
    query = query.join(link, link.c.link_pk == cluster_news.c.link_pk)
    found: set[int] = set()
    for part in parts(tx, news):
        mine = among(tx, cluster_news.c.news_pk, part)
        found.update(key for _, *ends in fetch(tx, query.where(mine)) for key in ends)
        tx.execute(delete(cluster_news).where(mine))
    return sorted(found)


def ties(tx: Transaction, keys: Sequence[int]) -> list[Tie]:
    """The links of some records that say who they are: not of the director's desk, not by shared means."""
    columns = (link.c.link_pk, link.c.low, link.c.high, link.c.state, link.c.band, link.c.evidence)
    says = link.c.state.in_(_TYING), link.c.relation != Relation.SHARED_MEANS
    found: dict[int, Tie] = {}
    for part in parts(tx, keys):
        for end in (link.c.low, link.c.high):
            for key, low, high, state, band, evidence in fetch(
                tx, select(*columns).where(among(tx, end, part), *says)
            ):
                if key not in found:
                    found[key] = Tie(key, low, high, LinkState(state), Band(band), evidence)
    return [found[key] for key in sorted(found)]


def places(tx: Transaction, keys: Sequence[int]) -> dict[int, Place]:
    """Where some records stand, those that stand anywhere."""
    columns = (cluster_member.c.record_pk, cluster_member.c.cluster, cluster_member.c.told)
    found: dict[int, Place] = {}
    for part in parts(tx, keys):
        rows = tx.execute(select(*columns).where(among(tx, cluster_member.c.record_pk, part)))
        found.update((row.record_pk, Place(row.cluster, row.told)) for row in rows)
    return found


def put(tx: Transaction, new: Mapping[int, Place | None]) -> None:
    """Put records into other places, or (None) into none; in order of their keys."""
    keys = sorted(new)
    for part in parts(tx, keys):
        tx.execute(delete(cluster_member).where(among(tx, cluster_member.c.record_pk, part)))
    rows = [(key, *place) for key in keys if (place := new[key]) is not None]
    insert_rows(tx, cluster_member, ("record_pk", "cluster", "told"), rows)


def listing(tx: Transaction) -> tuple[tuple[tuple[str, bytes], ...], ...]:
    """All clusters of two records or more, each the agency and record id of its records, in order."""
    rows = tx.execute(
        select(cluster_member.c.cluster, record.c.agency, record.c.record_id)
        .join(record, record.c.record_pk == cluster_member.c.record_pk)
        .order_by(cluster_member.c.cluster, record.c.agency, record.c.record_id)
    )
    found: dict[int, list[tuple[str, bytes]]] = {}
    for row in rows:
        found.setdefault(row.cluster, []).append((row.agency, row.record_id))
    return tuple(sorted(tuple(members) for members in found.values() if len(members) > 1))


def counts(tx: Transaction) -> dict[str, int]:
    """How many clusters there are by how many records they have."""
    many = func.count(cluster_member.c.record_pk)
    sizes = select(many.label("size")).group_by(cluster_member.c.cluster).having(many > 1).subquery()
    size = sizes.c.size
    rows = tx.execute(select(size, func.count().label("n")).group_by(size).order_by(size))
    return {str(row.size): int(row.n) for row in rows}
