"""Store of policies: signed revisions, which one is active, what a shadow would have decided otherwise.

`policy_state` is one row and the truth for every hub process. A deciding transaction reads it under a shared
lock, a change writes it: once a change has committed, nothing commits any more that was decided before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from passerelle.canonical import digest
from passerelle_hub.store.database import Transaction
from passerelle_hub.store.tables_policy import policy_change, policy_difference, policy_revision, policy_state


@dataclass(frozen=True, slots=True)
class State:
    """Which revision decides, which is tried in its shadow (empty for none); counted by `generation`."""

    generation: int
    revision: str
    shadow: str


UNSIGNED = State(0, "", "")
"""The state before any activation: each process decides by its own folder."""


@dataclass(frozen=True, slots=True)
class StoredRevision:
    """A signed revision without its archive."""

    revision: str
    digest: bytes
    issued: int
    first: str
    second: str
    stored: int


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the state: `action` is activated, rolled_back, shadowed or unshadowed."""

    generation: int
    action: str
    revision: str
    actor: str
    happened: int


@dataclass(frozen=True, slots=True)
class StoredDifference:
    """One way in which a shadow differed, with an example and how often it was seen."""

    active: str
    shadow: str
    package: str
    action: str
    change: str
    why: str
    decision: str
    count: int
    latest: int


_STATE = select(policy_state.c.generation, policy_state.c.revision, policy_state.c.shadow)
_REVISION = tuple(policy_revision.c[name] for name in StoredRevision.__dataclass_fields__)
_DIFFERENCE = tuple(policy_difference.c[name] for name in StoredDifference.__dataclass_fields__)


def state(tx: Transaction, *, hold: bool = False) -> State:
    """The state; with `hold` it stays as it is until the transaction ends."""
    # SQLite knows no such lock and needs none: whoever writes is alone.
    row = tx.execute(_STATE.with_for_update(read=True) if hold else _STATE).one_or_none()
    return UNSIGNED if row is None else State(*row)


def change(tx: Transaction, action: str, revision: str, actor: str, now: int) -> State:
    """Make a revision active, or the shadow; returns the new state. `revision` is empty to end a shadow."""
    row = tx.execute(_STATE.with_for_update()).one_or_none()
    if row is None:
        tx.execute(insert(policy_state).values(place=1, generation=0, revision="", shadow=""))
    before = UNSIGNED if row is None else State(*row)
    active = action in ("activated", "rolled_back")
    after = State(
        before.generation + 1,
        revision if active else before.revision,
        "" if active else revision,
    )
    tx.execute(
        update(policy_state).values(generation=after.generation, revision=after.revision, shadow=after.shadow)
    )
    tx.execute(
        insert(policy_change).values(
            generation=after.generation, action=action, revision=revision, actor=actor, happened=now
        )
    )
    return after


def changes(tx: Transaction) -> list[Change]:
    """All changes, oldest first."""
    columns = (policy_change.c[name] for name in Change.__dataclass_fields__)
    return [Change(*row) for row in tx.execute(select(*columns).order_by(policy_change.c.generation))]


def put(tx: Transaction, row: StoredRevision, archive: bytes) -> None:
    """Store a signed revision; one signed anew takes the place of its earlier form."""
    values = {name: getattr(row, name) for name in StoredRevision.__dataclass_fields__}
    known = policy_revision.c.revision == row.revision
    if not tx.execute(update(policy_revision).where(known).values(**values, archive=archive)).rowcount:
        tx.execute(insert(policy_revision).values(**values, archive=archive))


def listing(tx: Transaction) -> list[StoredRevision]:
    """All revisions, newest signature first."""
    query = select(*_REVISION).order_by(policy_revision.c.issued.desc())
    return [StoredRevision(*row) for row in tx.execute(query)]


def archive(tx: Transaction, revision: str) -> bytes | None:
    """The signed bundle of a revision."""
    query = select(policy_revision.c.archive).where(policy_revision.c.revision == revision)
    found = tx.execute(query).scalar_one_or_none()
    return None if found is None else bytes(found)


def note_differences(tx: Transaction, rows: Sequence[StoredDifference]) -> None:
    """Count differences; the first decision of each kind stays as its example."""
    table = policy_difference
    for row in rows:
        key = digest(
            "passerelle/policy-difference/1",
            row.active,
            row.shadow,
            row.package,
            row.action,
            row.change,
            row.why,
        )
        more = update(table).where(table.c.difference == key)
        more = more.values(count=table.c.count + row.count, latest=row.latest)
        if tx.execute(more).rowcount:
            continue
        values = {name: getattr(row, name) for name in StoredDifference.__dataclass_fields__}
        try:
            with tx.begin_nested():
                tx.execute(insert(table).values(difference=key, **values))
        except IntegrityError:  # another process was first
            tx.execute(more)


def differences(tx: Transaction, shadow: str) -> list[StoredDifference]:
    """What a shadow would have decided otherwise, most frequent first."""
    query = select(*_DIFFERENCE).where(policy_difference.c.shadow == shadow)
    return [StoredDifference(*row) for row in tx.execute(query.order_by(policy_difference.c.count.desc()))]
