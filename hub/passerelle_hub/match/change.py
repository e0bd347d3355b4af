"""A change of m: what judged links teach, laid over the shipped table.

Rules
-----
1. A change names the table it was learned on by digest; over another table, as another release may ship, it
   says nothing and is refused.
2. It holds m alone: u is measured by connectors, bands and rules are the release's. No m moves by more than
   `FURTHEST`, up or down, so that a few wrong judgements cannot turn a field round.
3. Its bytes are canonical JSON and its revision is their digest: two persons sign exactly this.

Learning: for each field that tells agreement from disagreement, the shipped m counts as `PRIOR` judged links,
and each confirmed link adds the level that it shows (Dirichlet's posterior mean). Refuted links are counted
and teach no m: what they show is chance, which is u.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from passerelle.errors import PasserelleError
from passerelle.notification import LinkState
from passerelle_hub.match.calibration import SMALL, Judged
from passerelle_hub.match.weights import DISAGREE, Weights, table_digest, weights

PRIOR: Final = 200
FURTHEST: Final = 8.0
_FORM: Final = "weights-change/1"
_REVISION_HEX: Final = 16
_MOST_BYTES: Final = 65_536
_PLACES: Final = 5

Chances = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class WeightChange:
    """`base`: SHA-256 of the shipped table, hexadecimal. `m`: field to level to chance, changed ones only.

    `confirmed` and `refuted`: how many links were judged so when it was learned.
    """

    base: str
    m: Chances
    confirmed: int
    refuted: int

    @property
    def revision(self) -> str:
        """The beginning of the SHA-256 of its bytes, in hexadecimal."""
        return hashlib.sha256(encode_change(self)).hexdigest()[:_REVISION_HEX]

    def over(self, table: Weights) -> Weights:
        """The table with this m; its version names the change."""
        return table.taught(self.m, f"{table.version}+{self.revision}")


def learn(links: Sequence[Judged]) -> WeightChange:
    """What the judged links of a hub teach about the shipped table.

    Raises:
        PasserelleError: `weights_too_few`, nothing can be learned from them.
    """
    confirmed = [one for one in links if one.state is LinkState.CONFIRMED]
    refuted = sum(one.state is LinkState.REFUTED for one in links)
    seen = Counter(entry for one in confirmed for entry in one.levels)
    found: dict[str, dict[str, float]] = {}
    for field, levels in weights().chances.items():
        judged = sum(seen[field, level] for level in levels)
        if DISAGREE not in levels or judged < SMALL:
            continue
        found[field] = {
            level: _held((m * PRIOR + seen[field, level]) / (PRIOR + judged), m)
            for level, (m, _) in levels.items()
        }
    if not found:
        raise PasserelleError("weights_too_few", f"{len(confirmed)} confirmed")
    return WeightChange(table_digest(), found, len(confirmed), refuted)


def _held(chance: float, shipped: float) -> float:
    return round(min(max(chance, shipped / FURTHEST), shipped * FURTHEST, 1.0), _PLACES)


def encode_change(change: WeightChange) -> bytes:
    """The canonical bytes."""
    content = {
        "form": _FORM,
        "base": change.base,
        "m": change.m,
        "confirmed": change.confirmed,
        "refuted": change.refuted,
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")


def decode_change(raw: bytes) -> WeightChange:
    """Read a change and hold it against the shipped table (rules 1 and 2).

    Raises:
        PasserelleError: `weights_change_invalid`, `weights_base_differs`.
    """
    try:
        if len(raw) > _MOST_BYTES:
            raise ValueError
        content: dict[str, Any] = json.loads(raw)
        m = {str(field): {str(k): float(v) for k, v in of.items()} for field, of in content["m"].items()}
        change = WeightChange(content["base"], m, content["confirmed"], content["refuted"])
        if content["form"] != _FORM or encode_change(change) != raw:
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise PasserelleError("weights_change_invalid", "not in canonical form") from error
    if change.base != table_digest():
        raise PasserelleError("weights_base_differs", f"learned on {str(change.base)[:16]}")
    for field, of_field in m.items():
        for level, chance in of_field.items():
            shipped, _ = weights().chances.get(field, {}).get(level, (0.0, 0.0))
            if not shipped or _held(chance, shipped) != chance:
                raise PasserelleError("weights_change_invalid", f"{field}.{level}: out of bounds"[:80])
    return change
