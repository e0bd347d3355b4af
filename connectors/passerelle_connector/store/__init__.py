"""The connector's store: one narrow class per step over one SQLite file (see `database` for its promises)."""

from passerelle_connector.store.database import Database
from passerelle_connector.store.holdings import HoldingStore
from passerelle_connector.store.inbox import InboxStore
from passerelle_connector.store.outbox import OutboxStore
from passerelle_connector.store.pins import PinStore
from passerelle_connector.store.promises import PromiseStore
from passerelle_connector.store.rows import RowStore
from passerelle_connector.store.tokens import TokenCache
from passerelle_connector.store.waits import WaitStore

__all__ = [
    "Database",
    "HoldingStore",
    "InboxStore",
    "OutboxStore",
    "PinStore",
    "PromiseStore",
    "RowStore",
    "TokenCache",
    "WaitStore",
]
