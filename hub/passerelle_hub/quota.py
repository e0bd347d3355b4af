"""Quotas: how much of each resource an agency may use a day (UTC).

A charge stands or falls with the transaction it is made in, so a refused batch costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from passerelle.clock import DAY, Clock
from passerelle.errors import PasserelleError
from passerelle_hub.store import Transaction, quotas

DEFAULT_LIMITS: Mapping[str, int] = {
    "records": 5_000_000,
    "tokens": 200_000_000,
    "control": 100_000,
    "streams": 100_000,
}
"""Units a day. Tokens are what the index grows by, and what guessing through the hub would cost."""


class Quota:
    """Charges units of a resource to an agency.

    Args:
        limits: units a day by resource; a resource without a limit is refused.
        exceptions: other limits for single agencies, by agency and resource.
    """

    def __init__(
        self,
        clock: Clock,
        limits: Mapping[str, int] = DEFAULT_LIMITS,
        exceptions: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._exceptions = exceptions or {}

    def charge(self, tx: Transaction, agency: str, resource: str, units: int) -> None:
        """Charge units, or none at all.

        Raises:
            PasserelleError: `quota_exceeded`.
        """
        limit = self._exceptions.get(agency, {}).get(resource, self._limits.get(resource, 0))
        day = self._clock.now() // DAY
        if quotas.used(tx, agency, resource, day) + units > limit:
            raise PasserelleError("quota_exceeded", f"{resource}: {units} more than {limit} a day allow")
        quotas.use(tx, agency, resource, day, units)
