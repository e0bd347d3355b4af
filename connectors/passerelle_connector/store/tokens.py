"""The token cache: HMAC of an input → token, so that a repeated value costs no evaluation.

The key of the HMAC lives in a key file of its own; without it the cache names nobody. Losing the cache costs
time, never correctness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import delete, func, select

from passerelle_connector.store.database import Database
from passerelle_connector.store.tables import tokens

_AT_ONCE: Final = 500  # SQLite takes 32766 parameters in one statement; smaller ones are cached better


class TokenCache:
    """Tokens by the MAC of their input (32 bytes → 16 bytes)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, macs: Sequence[bytes]) -> dict[bytes, bytes]:
        """The tokens that are known."""
        found: dict[bytes, bytes] = {}
        with self._database.read() as transaction:
            for at in range(0, len(macs), _AT_ONCE):
                part = macs[at : at + _AT_ONCE]
                for mac, token in transaction.execute(
                    select(tokens.c.mac, tokens.c.token).where(tokens.c.mac.in_(part))
                ):
                    found[mac] = token
        return found

    def add(self, epoch: int, entries: Mapping[bytes, bytes]) -> None:
        """Remember tokens; one transaction. Failed: the values are asked for again."""
        if not entries:
            return
        rows = sorted((mac, token, epoch) for mac, token in entries.items())
        with self._database.write() as transaction:
            transaction.exec_driver_sql(
                "INSERT OR REPLACE INTO tokens (mac, token, epoch) VALUES (?, ?, ?)", rows
            )

    def newest_epoch(self) -> int:
        """The newest epoch of which a token is remembered; 0 for none."""
        with self._database.read() as transaction:
            return transaction.scalar(select(func.max(tokens.c.epoch))) or 0

    def forget_before(self, epoch: int) -> None:
        """Drop the tokens of epochs before this one."""
        with self._database.write() as transaction:
            transaction.execute(delete(tokens).where(tokens.c.epoch < epoch))
