"""The trustee's ledger: which requests were billed to whom, and how much a day."""

from passerelle_trustee.store.evaluations import DayCount
from passerelle_trustee.store.ledger import Ledger, Transaction

__all__ = ["DayCount", "Ledger", "Transaction"]
