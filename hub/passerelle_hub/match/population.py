"""The population that a record is compared with: what a pair in it is likely to be before anything is shared.

`score` takes the prior from it and, from what was measured, how far its ceilings are lifted. Pure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from passerelle_hub.match.paired import Paired, rarer_alone


@dataclass(frozen=True, slots=True)
class Population:
    """`records`: how many records the newer one is compared with.

    `share`: how many of them it is expected to match. `rarer`: by how many bits families are rarer than the
    shipped ceilings suppose, as its pairs show (`match.paired`), `alone` as the agencies' own records do.
    `no_households`: what the domain's data say of that; None where nothing, then both measures decide
    (`match.kin`). `stated`: what the connectors of the domain measured, as bytes (`passerelle.chances`).
    `change`: the active change of weights as bytes (`match.change`), verified before, empty for the shipped
    table.
    """

    records: int
    share: float = 0.4
    stated: tuple[bytes, ...] = ()
    change: bytes = b""
    rarer: int = 0
    alone: int = 0
    no_households: bool | None = False

    @property
    def prior_bits(self) -> float:
        """Base-2 logarithm of the odds that a random pair is a link."""
        return round(math.log2(self.share / max(self.records, 1)), 2)

    @property
    def home_bits(self) -> int:
        """By how many bits surname and home may say more, because nobody else lives there."""
        if self.no_households is None:
            return min(self.rarer, self.alone)
        return self.rarer if self.no_households else 0

    def measured(self, pairs: Paired) -> Population:
        """With what its pairs show, and beside them what its agencies stated."""
        alone = rarer_alone(self.stated, self.records, pairs.share)
        return replace(self, share=pairs.share, rarer=pairs.rarer, alone=alone)
