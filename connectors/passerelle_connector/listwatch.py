"""Lists of revoked certificates at a connector: nobody is called whose trust domain's list has grown stale.

gRPC shows a client nothing of a server's leaf, so single numbers cannot be compared here; they bind where the
connector's own calls arrive. What a connector can do is to stop trusting an authority that is silent for a
day. Every loop asks before it begins; a stream that runs then ends with its connection, within an hour.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from passerelle.revocation import Revocations
from passerelle.rpc.leaf import Healthy
from passerelle.rpc.lists import ListKeeper


class ListWatch:
    """Keeps the lists of the others' trust domains, and says whether they may be called."""

    def __init__(
        self,
        keeper: ListKeeper,
        revocations: Revocations,
        trust_domains: Callable[[], Iterable[str]],
        seconds: float,
    ) -> None:
        """`trust_domains`: those of hub and trustees."""
        self._keeper = keeper
        self._revocations = revocations
        self._trust_domains = trust_domains
        self._seconds = seconds

    def check(self) -> None:
        """Pass silently where every list is fresh.

        Raises:
            PasserelleError: `revocations_stale`, `revocations_missing`.
        """
        for trust_domain in self._trust_domains():
            self._revocations.check(trust_domain)

    async def run(self, healthy: Healthy) -> None:
        """One round: fetch, read, check, rest.

        Raises:
            PasserelleError: as `check`.
        """
        await self._keeper.round()
        self.check()
        await healthy()
        await asyncio.sleep(self._seconds)
