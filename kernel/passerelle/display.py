"""Tables that commands print for people: a title, a line for each row, as wide as they need to be.

A terminal that is narrower wraps whole lines: columns folded to six letters are read by nobody. A pipe, which
has no width, cuts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

WIDEST: Final = 180
"""Characters; beyond them cells are folded, since samples of a source may be of any length."""


def show_table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows that share their keys."""
    if not rows:
        print(f"{title}: none")  # noqa: T201 - a command prints
        return
    print(title)  # noqa: T201 - as above
    table = Table(box=SIMPLE, show_edge=False, pad_edge=False)
    for name in rows[0]:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(plain(value) for value in row.values()))
    console = Console()
    needed = console.measure(table, options=console.options.update(max_width=WIDEST)).maximum
    Console(width=max(console.width, needed)).print(table, end="\n\n")


def plain(value: Any) -> str:
    """A figure as people write it: yes and no, a line for each entry, a dash for nothing."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value).items()
        return ", ".join(f"{name} {plain(one)}" for name, one in entries) or "–"
    if isinstance(value, list | tuple):
        return "\n".join(plain(one) for one in cast("Sequence[Any]", value)) or "–"
    return "–" if value is None else str(value) or "–"
