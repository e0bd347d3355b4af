"""Changes of weights under which one pair of records is nobody any more, or stays who it is."""

from __future__ import annotations

from policy_kit import Desk

from passerelle_hub.match.change import FURTHEST, WeightChange, encode_change
from passerelle_hub.match.signed_change import CHANGE, SCOPE, write_file
from passerelle_hub.match.weights import table_digest, weights
from passerelle_hub.policy.signatures import sign_first, sign_second

DOUBTED = (("birth", "two_of_three"), ("surname", "swapped"), ("given", "swapped"))


def pair(number: int, who: str = "jan jnsn ym198002") -> tuple[dict[str, str], dict[str, str]]:
    """What two records say that agree in little: names come split, so that each level counts for itself."""
    first, second = (
        {
            "names in any order+birth two of three": who,
            "national number": f"{number}{one}",
            "surname+given+sex": f"jansen jan {number}{one}",
        }
        for one in (0, 1)
    )
    return first, second


def change(factor: float) -> WeightChange:
    """What such a pair rests on, with its m divided."""
    m: dict[str, dict[str, float]] = {}
    for field, level in DOUBTED:
        m[field] = {level: round(weights().chances[field][level][0] / factor, 5)}
    return WeightChange(table_digest(), m, 40, 10)


STRICT, MILD = change(FURTHEST), change(1.25)
"""By the first such a pair gets no link, by the second the one it has by the shipped table."""


def signed(desk: Desk, one: WeightChange, issued: int, *, newly_notified: bool = False) -> bytes:
    """A file of a change that two persons signed."""
    files = sign_first({CHANGE: encode_change(one)}, desk.alice, issued, SCOPE)
    return write_file(sign_second(files, desk.bram, figures={}, newly_allowed=newly_notified, scope=SCOPE))
