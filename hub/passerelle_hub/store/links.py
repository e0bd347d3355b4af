"""Store of links: pairs of records, unique by pair and relation.

`put` answers whether anything changed, so that matching a batch twice opens nothing and notifies nobody
a second time. Whatever changes a link notes it for the clusters, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import case, func, select, update

from passerelle_hub.store import clusters
from passerelle_hub.store.database import Transaction
from passerelle_hub.store.dialect import among, fetch, insert_rows, parts
from passerelle_hub.store.tables import link, record


class StoredLink(NamedTuple):
    """A link as stored. `low` and `high` are record keys, `evidence` JSON.

    `verdict` is what people's judgements come to, empty where there is none.
    """

    link_pk: int
    link_id: bytes
    low: int
    high: int
    relation: str
    state: str
    band: str
    bits: float
    evidence: str
    weights: str
    decision: str
    changed: int
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A link as the demonstration and `hub links` list it: by agency and record id."""

    low_agency: str
    low_record: bytes
    high_agency: str
    high_record: bytes
    relation: str
    state: str
    band: str
    bits: float
    link_id: bytes


_COLUMNS = tuple(link.c[name] for name in StoredLink._fields)

_NAMES: Final = StoredLink._fields[1:]
"""All but its key, which the database gives."""
_ENDS = (link.c.low, link.c.high)


def erased(old: StoredLink, changed: int) -> StoredLink:
    """The link without what supported it."""
    return old._replace(state="erased", evidence="[]", bits=0.0, changed=changed, verdict="")


def of_records(tx: Transaction, keys: Sequence[int]) -> dict[tuple[int, int, str], StoredLink]:
    """All links that touch any of the records, by (low, high, relation)."""
    found: dict[tuple[int, int, str], StoredLink] = {}
    for end in _ENDS:
        for part in parts(tx, keys):
            for row in fetch(tx, select(*_COLUMNS).where(among(tx, end, part))):
                stored = StoredLink._make(row)
                found[stored.low, stored.high, stored.relation] = stored
    return found


def ends(tx: Transaction, batches: Sequence[int]) -> set[int]:
    """Those records of some batches that stand in a link."""
    ours = among(tx, record.c.batch_pk, batches)
    return {
        key
        for end in _ENDS
        for key in tx.scalars(select(record.c.record_pk).join(link, end == record.c.record_pk).where(ours))
    }


def by_key(tx: Transaction, keys: Sequence[int]) -> tuple[StoredLink, ...]:
    """Links by their keys, in order of them; at most some hundred at once."""
    query = select(*_COLUMNS).where(among(tx, link.c.link_pk, keys)).order_by(link.c.link_pk)
    return tuple(StoredLink(*row) for row in tx.execute(query))


def by_id(tx: Transaction, link_id: bytes) -> StoredLink | None:
    """The link with this id."""
    row = tx.execute(select(*_COLUMNS).where(link.c.link_id == link_id)).one_or_none()
    return None if row is None else StoredLink(*row)


def open_links(tx: Transaction, new: Sequence[StoredLink]) -> tuple[StoredLink, ...]:
    """Store new links (their `link_pk` is ignored); returns them with their keys, in order."""
    insert_rows(tx, link, _NAMES, [row[1:] for row in new])
    keys: dict[bytes, int] = {}
    for part in parts(tx, [row.link_id for row in new]):
        keys.update(fetch(tx, select(link.c.link_id, link.c.link_pk).where(among(tx, link.c.link_id, part))))
    clusters.note(tx, [keys[row.link_id] for row in new])
    return tuple(StoredLink(keys[row.link_id], *row[1:]) for row in new)


def change(tx: Transaction, new: StoredLink) -> None:
    """Overwrite what a link says."""
    values = {
        name: getattr(new, name)
        for name in ("state", "band", "bits", "evidence", "weights", "decision", "changed", "verdict")
    }
    tx.execute(update(link).where(link.c.link_pk == new.link_pk).values(**values))
    clusters.note(tx, [new.link_pk])


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """What a link says and what became of it, without whose it is; `evidence` is JSON."""

    state: str
    band: str
    bits: float
    evidence: str


def evidence(tx: Transaction) -> tuple[EvidenceRow, ...]:
    """All links between two persons or organisations that are neither erased nor the director's alone."""
    hidden = link.c.state.in_(("erased", "director_only"))
    tie = link.c.relation == "shared_means"
    columns = (link.c.state, link.c.band, link.c.bits, link.c.evidence)
    rows = tx.execute(select(*columns).where(~hidden, ~tie).order_by(link.c.link_pk))
    return tuple(EvidenceRow(*row) for row in rows)


def listing(tx: Transaction) -> tuple[LinkRow, ...]:
    """All links that are not erased, oldest first; for the operator's figures and the demonstration."""
    low, high = record.alias("low_record"), record.alias("high_record")
    rows = tx.execute(
        select(
            low.c.agency, low.c.record_id, high.c.agency, high.c.record_id,
            link.c.relation, link.c.state, link.c.band, link.c.bits, link.c.link_id,
        )
        .join(low, low.c.record_pk == link.c.low)
        .join(high, high.c.record_pk == link.c.high)
        .where(link.c.state != "erased")
        .order_by(link.c.link_pk)
    )  # fmt: skip
    return tuple(LinkRow(*row) for row in rows)


@dataclass(frozen=True, slots=True)
class KindCount:
    """Links of one relation, state and band."""

    relation: str
    state: str
    band: str
    links: int


@dataclass(frozen=True, slots=True)
class PairCount:
    """Links between two agencies (in order of their names) in one state."""

    first: str
    second: str
    state: str
    links: int


def by_kind(tx: Transaction) -> tuple[KindCount, ...]:
    """How many links there are of each relation, state and band."""
    kind = (link.c.relation, link.c.state, link.c.band)
    rows = tx.execute(select(*kind, func.count()).group_by(*kind).order_by(*kind))
    return tuple(KindCount(*row) for row in rows)


def by_pair(tx: Transaction) -> tuple[PairCount, ...]:
    """How many links there are between each two agencies, by state."""
    low, high = record.alias("low_record"), record.alias("high_record")
    ordered = low.c.agency < high.c.agency
    first = case((ordered, low.c.agency), else_=high.c.agency).label("first")
    second = case((ordered, high.c.agency), else_=low.c.agency).label("second")
    query = (
        select(first, second, link.c.state, func.count())
        .join(low, low.c.record_pk == link.c.low)
        .join(high, high.c.record_pk == link.c.high)
        .group_by(first, second, link.c.state)
        .order_by(first, second, link.c.state)
    )
    return tuple(PairCount(*row) for row in tx.execute(query))


def counts(tx: Transaction) -> dict[str, int]:
    """How many links stand in each state."""
    rows = tx.execute(select(link.c.state, func.count().label("n")).group_by(link.c.state))
    return {row.state: int(row.n) for row in rows}
