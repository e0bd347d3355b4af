"""What commands print: a table for people, JSON where asked. Values of rows come here masked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console

from passerelle.display import show_table
from passerelle.errors import table as error_table


def show(rows: Sequence[Mapping[str, Any]], title: str, *, as_json: bool) -> None:
    """Print rows that share their keys."""
    if as_json:
        Console().print_json(data=list(rows), indent=2, highlight=False)
    else:
        show_table(title, rows)


def show_one(row: Mapping[str, Any], title: str, *, as_json: bool) -> None:
    """Print one set of figures."""
    if as_json:
        Console().print_json(data=row, indent=2, highlight=False)
    else:
        lines = [{"what": name.replace("_", " "), "value": value} for name, value in row.items()]
        show_table(title, lines)


def show_meanings(codes: Iterable[str]) -> None:
    """Print what each code says, whose it is and what to do, once."""
    for code in sorted(set(codes)):
        known = error_table().get(code)
        if known is not None:
            print(f"{code}: {known.cause}\n  {known.owner}: {known.fix}")  # noqa: T201 - a command prints


def masked(value: Any) -> str:
    """A value's shape without its content: letters as x, digits as 9, at most 24 characters."""
    signs = str(value)[:24]
    return "".join("9" if sign.isdigit() else "x" if sign.isalpha() else sign for sign in signs)
