"""Where the hub keeps things: one narrow store per step, all on one database.

Every function takes the running transaction first, so that a step decides what stands or falls together.
"""

from passerelle_hub.store import (
    tables_chances,
    tables_closer,
    tables_clusters,
    tables_common,
    tables_epochs,
    tables_evaluations,
    tables_judgements,
    tables_paired,
    tables_policy,
    tables_queries,
    tables_standing,
    tables_weights,
)
from passerelle_hub.store.database import Database, Transaction

__all__ = [
    "Database", "Transaction", "tables_chances", "tables_closer", "tables_clusters",
    "tables_common", "tables_epochs", "tables_evaluations", "tables_judgements", "tables_paired",
    "tables_policy", "tables_queries", "tables_standing", "tables_weights",
]  # fmt: skip
