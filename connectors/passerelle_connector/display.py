"""What commands print: a table for people, JSON where asked. Values of rows come here masked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


def show(rows: Sequence[Mapping[str, Any]], title: str, *, as_json: bool) -> None:
    """Print rows that share their keys."""
    if as_json:
        Console().print_json(data=list(rows), indent=2, highlight=False)
        return
    table = Table(title=title, title_justify="left")
    for name in rows[0] if rows else ("nothing",):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console().print(table)


def show_one(row: Mapping[str, Any], title: str, *, as_json: bool) -> None:
    """Print one set of figures."""
    if as_json:
        Console().print_json(data=row, indent=2, highlight=False)
    else:
        show([{"what": name, "value": value} for name, value in row.items()], title, as_json=False)


def masked(value: Any) -> str:
    """A value's shape without its content: letters as x, digits as 9, at most 24 characters."""
    signs = str(value)[:24]
    return "".join("9" if sign.isdigit() else "x" if sign.isalpha() else sign for sign in signs)
