"""What every store stands on: explicit transactions, and SQLite files that keep what was committed."""

from passerelle.store.sqlite import Database, DatabaseFile, Schema, Transaction, sqlite_engine

__all__ = ["Database", "DatabaseFile", "Schema", "Transaction", "sqlite_engine"]
