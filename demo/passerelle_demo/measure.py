"""What a demonstration found, against what is true: links as pairs of references, precision and recall."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from passerelle_demo.scenario import Ref, Scenario
from passerelle_hub.store.links import LinkRow

References = Mapping[tuple[str, bytes], str]
"""(agency, record id) to the agency's own reference, as only the agencies together know it."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Pairs found, how many of them are true, how many were to be found."""

    found: int
    right: int
    true: int

    @property
    def precision(self) -> float:
        """Share of the pairs found that are true."""
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """Share of the true pairs that were found."""
        return self.right / self.true if self.true else 0.0


def quality(links: Iterable[LinkRow], references: References, scenario: Scenario) -> Quality:
    """Judge the links that the scenario's truth speaks of."""
    wanted = {frozenset(pair) for pair in scenario.truth}
    found: set[frozenset[Ref]] = set()
    for row in links:
        if row.relation in scenario.relations and row.state in scenario.states:
            low = (row.low_agency, references[row.low_agency, row.low_record])
            high = (row.high_agency, references[row.high_agency, row.high_record])
            found.add(frozenset((low, high)))
    return Quality(len(found), len(found & wanted), len(wanted))
