"""Records and links of clusters straight in a database, without the rest of a hub."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from parties import MARKING
from store_kit import new_batch, new_record

from passerelle.clock import ManualClock
from passerelle.codec.header import encode_marking
from passerelle_hub.audit import Audit, EventSeal
from passerelle_hub.clustering import Clustering
from passerelle_hub.first_dot import FirstDots, Scene
from passerelle_hub.match.clusters import AGAINST, Member, Pair, clusters
from passerelle_hub.store import Database, Transaction, links, records
from passerelle_hub.store import clusters as store
from passerelle_hub.store.links import StoredLink

EVENTS = {"possible": 1, "strong": 2, "erase": 0, "refute": AGAINST}
"""What can happen to a pair, and what ties it afterwards."""


class NoDots(FirstDots):
    """Tells nobody: what is to be told of clusters has tests of its own."""

    def __init__(self) -> None:
        pass

    def tell(self, tx: Transaction, scenes: Sequence[Scene]) -> frozenset[int]:
        del tx, scenes
        return frozenset()


def step(database: Database) -> Clustering:
    """The step over a database."""
    return Clustering(database, Audit(ManualClock(), EventSeal(bytes(32))), NoDots())


def put_records(tx: Transaction, agencies: str) -> list[int]:
    """Records of agencies named by one letter each, with ids that follow from their places; their keys."""
    batches = {agency: new_batch(tx, agency) for agency in sorted(set(agencies))}
    new = [new_record(batches[agency], at + 1, agency=agency, marks=()) for at, agency in enumerate(agencies)]
    told = [one._replace(row=one.row._replace(marking=encode_marking(MARKING))) for one in new]
    return list(records.put(tx, told, {}).values())


def happen(tx: Transaction, low: int, high: int, what: str) -> None:
    """One of `EVENTS` to the pair of two records."""
    state = {"erase": "erased", "refute": "refuted"}.get(what, "notified")
    band = "possible" if what == "possible" else "strong"
    old = links.of_records(tx, [low]).get((low, high, "same_person"))
    if old is not None:
        links.change(tx, old._replace(state=state, band=band))
        return
    name = hashlib.sha256(f"{low} {high}".encode()).digest()[:16]
    new = StoredLink(0, name, low, high, "same_person", state, band, 9.0, "[]", "w/1", "d", 7)
    links.open_links(tx, [new])


def expected(agencies: str, ties: dict[Pair, int]) -> list[tuple[int, ...]]:
    """The clusters by the rule alone, by the places of their records."""
    members = [Member(agency, (at + 1).to_bytes(16), at) for at, agency in enumerate(agencies)]
    return [group for group in clusters(members, ties) if len(group) > 1]


def stored(database: Database) -> list[tuple[int, ...]]:
    """The clusters as stored, in the same form."""
    with database.read() as tx:
        found = store.listing(tx)
    return sorted(tuple(sorted(int.from_bytes(name) - 1 for _, name in group)) for group in found)
