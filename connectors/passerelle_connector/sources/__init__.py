"""Sources: where a partner's rows come from.

A source yields each row once per reading, with the partner's own reference. References never leave the
connector: the hub knows a random record id. A row that cannot be read is yielded as a `RejectedRow` and the
reading goes on; only a source that cannot be opened at all raises.

Sources of others are found by the entry point group `passerelle.sources`: a callable taking a `SourcePlan`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from passerelle.errors import PasserelleError
from passerelle_connector.sources.mapping import Mapped, Mapper

ENTRY_POINTS = "passerelle.sources"


RawRow = Mapped
"""One row, mapped but not yet normalised."""


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row, or a whole file, that could not be read: its reference or `file:line`, a code, the target."""

    reference: str
    code: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Where the next reading may begin, in the source's own terms; the last item of a reading.

    Kept once everything before it is in the outbox, and given back as `since`.
    """

    value: str


Item = RawRow | RejectedRow | Bookmark


class Source(Protocol):
    """Where rows come from."""

    def records(self, since: str) -> Iterator[Item]:
        """All rows changed since a `Bookmark` of this source (empty for all rows).

        A source that cannot tell what changed yields everything and no bookmark; digests decide. A reading
        that begins without a bookmark and yields no `RejectedRow` also tells which rows have vanished. The
        iterator may be closed before its end, and is driven by one thread after another.

        Raises:
            PasserelleError: `source_unreadable`, the source as a whole.
        """
        ...


@runtime_checkable
class Watched(Protocol):
    """A source that shows cheaply that something in it has changed."""

    def state(self) -> Hashable:
        """Equal as long as nothing has changed; looks at no content."""
        ...


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """What a source is built from: options of `[source]`, the mapping, the configuration's folder."""

    options: Mapping[str, Any]
    mapper: Mapper
    base: Path


def build(plan: SourcePlan) -> Source:
    """The source that `[source] kind` names.

    Raises:
        PasserelleError: `mapping_invalid`, no such kind or an option it does not know.
    """
    kind = plan.options.get("kind")
    if kind == "folder":
        from passerelle_connector.sources.folder import folder_source  # noqa: PLC0415 - folder uses our types

        return folder_source(plan)
    if kind == "sql":
        from passerelle_connector.sources.sql import sql_source  # noqa: PLC0415 - as above

        return sql_source(plan)
    for point in entry_points(group=ENTRY_POINTS):
        if point.name == kind:
            factory: Callable[[SourcePlan], Source] = point.load()
            return factory(plan)
    raise PasserelleError("mapping_invalid", f"source.kind: no source of this kind, {ENTRY_POINTS} searched")
