"""One-off queries: ask the hub about somebody without storing a record."""

from passerelle_connector.query.ask import Asker, Inquiry

__all__ = ["Asker", "Inquiry"]
