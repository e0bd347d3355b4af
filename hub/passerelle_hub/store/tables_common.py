"""The table of marks that are too common: see `common`."""

from __future__ import annotations

from sqlalchemy import Column, Table

from passerelle_hub.store.column_types import Mark
from passerelle_hub.store.tables import metadata

common_mark = Table("common_mark", metadata, Column("mark", Mark, primary_key=True), sqlite_with_rowid=False)
