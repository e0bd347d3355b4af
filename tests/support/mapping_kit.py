"""Mapping files of the tests' agencies: what a folder's columns mean, and how its records are marked."""

from __future__ import annotations

from collections.abc import Mapping

NAMES = {"family_name": "name", "given_name": "first", "born": "born"}
"""Field of a record → column, for rows of people known by name and birth date."""


def mapping(
    columns: Mapping[str, str], *, case: str = "c1", circumstances: str = "", marking: str = ""
) -> str:
    """The TOML of a folder `data` with a column for each field; `circumstances`, `marking`: lines to add."""
    fields = "\n".join(f'{field} = "{column}"' for field, column in columns.items())
    extra = f"[circumstances]\n{circumstances}\n" if circumstances else ""
    return f"""
[source]
kind = "folder"
path = "data"
reference = "id"

[map]
{fields}

{extra}
[marking]
classification = "restricted"
handling = "H0"
tlp = "amber"
purposes = "counter_terrorism"
legal_basis = "be_ter_2024"
case_reference = "{case}"
{marking}
"""
