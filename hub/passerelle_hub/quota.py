"""Quotas: how much of each resource an agency may use a day (UTC).

A charge stands or falls with the transaction it is made in, so a refused batch costs nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from passerelle.catalogue import Catalogue
from passerelle.clock import DAY, Clock
from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle_hub.store import Transaction, quotas

DEFAULT_LIMITS: Mapping[str, int] = {
    "records": 5_000_000,
    "tokens": 200_000_000,
    "control": 100_000,
    "streams": 100_000,
    "queries": 1_000,
    "judgements": 10_000,
}
"""Units a day. Tokens are what the index grows by, and what guessing through the hub would cost."""
_OF_GROUP = "tokens/"


def resource_of(group: Group) -> str:
    """The resource that a group's tokens are charged to; without a limit of its own, that of all tokens."""
    return _OF_GROUP + group.value


def group_of(resource: str) -> str | None:
    """The group behind such a resource."""
    return resource.removeprefix(_OF_GROUP) if resource.startswith(_OF_GROUP) else None


def tokens_by_group(catalogue: Catalogue, kinds: Iterable[int]) -> Mapping[Group, int]:
    """How many tokens of each group; a kind nobody knows is refused elsewhere and counts as none."""
    counted: Counter[Group] = Counter()
    for kind_id, count in Counter(kinds).items():
        if (kind := catalogue.kinds.get(kind_id)) is not None:
            counted[kind.group] += count
    return counted


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

    def charge(self, tx: Transaction, agency: str, units: Mapping[str, int]) -> None:
        """Charge units of some resources, or none at all.

        Raises:
            PasserelleError: `quota_exceeded`.
        """
        used = quotas.use(tx, agency, self._clock.now() // DAY, units)
        for resource, more in units.items():
            limit = self._limit(agency, resource)
            if used[resource] > limit:
                raise PasserelleError("quota_exceeded", f"{resource}: {more} more than {limit} a day allow")

    def _limit(self, agency: str, resource: str) -> int:
        """What is set for the agency, else for everybody; for a group's tokens else what holds for all."""
        names = [resource] if group_of(resource) is None else [resource, "tokens"]
        for name in names:
            for limits in (self._exceptions.get(agency, {}), self._limits):
                if name in limits:
                    return limits[name]
        return 0
