"""What commands print: a table for people, JSON where asked. Values of rows come here masked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from rich.console import Console
from rich.table import Table

from passerelle.errors import table as error_table


def show(rows: Sequence[Mapping[str, Any]], title: str, *, as_json: bool) -> None:
    """Print rows that share their keys."""
    if as_json:
        Console().print_json(data=list(rows), indent=2, highlight=False)
        return
    if not rows:
        print(f"{title}: none")  # noqa: T201 - a command prints
        return
    print(title)  # noqa: T201 - as above; a narrow table would break its title into lines
    table = Table()
    for name in rows[0]:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(plain(value) for value in row.values()))
    Console().print(table)


def show_one(row: Mapping[str, Any], title: str, *, as_json: bool) -> None:
    """Print one set of figures."""
    if as_json:
        Console().print_json(data=row, indent=2, highlight=False)
    else:
        lines = [{"what": name.replace("_", " "), "value": value} for name, value in row.items()]
        show(lines, title, as_json=False)


def plain(value: Any) -> str:
    """A figure as people write it: yes and no, a line for each entry, a dash for nothing."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value).items()
        return ", ".join(f"{name} {plain(one)}" for name, one in entries) or "–"
    if isinstance(value, list | tuple):
        return "\n".join(plain(one) for one in cast("Sequence[Any]", value)) or "–"
    return str(value) or "–"


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
