"""Sources: where a partner's rows come from.

A source yields each row once per reading, with the partner's own reference. References never leave the
connector: the hub knows a random record id. A row that cannot be read is yielded as a `RejectedRow` and the
reading goes on; only a source that cannot be opened at all raises.

Sources of others are found by the entry point group `passerelle.sources`: a callable taking a `SourcePlan`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

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


class Source(Protocol):
    """Where rows come from."""

    def records(self, since: int) -> Iterator[RawRow | RejectedRow]:
        """All rows changed since a time (microseconds, UTC; 0 for all).

        A source that cannot tell what changed yields everything; digests decide. A reading that yields
        everything and no `RejectedRow` also tells which rows have vanished.

        Raises:
            PasserelleError: `source_unreadable`, the source as a whole.
        """
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
    for point in entry_points(group=ENTRY_POINTS):
        if point.name == kind:
            factory: Callable[[SourcePlan], Source] = point.load()
            return factory(plan)
    raise PasserelleError("mapping_invalid", f"source.kind: no source of this kind, {ENTRY_POINTS} searched")
