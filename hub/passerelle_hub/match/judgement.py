"""What people's judgements of a link come to. Pure.

(1) of each agency that holds one of the two records, its last judgement counts;
(2) a refutation holds until a field agrees that did not when it was given: new evidence is judged anew;
(3) whoever found something outweighs whoever is still looking or could not tell;
(4) two that found the same, found it; same and justified beside same and unjustified is unjustified, the
    graver one; same beside different is *under review*: neither agency decides for the other, and a link
    that is contested stands as if nobody had judged it until the two agree.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Final

from passerelle.judgement import Verdict
from passerelle_hub.match.weights import DISAGREE
from passerelle_hub.store.judgements import Standing

_SAME: Final = frozenset({Verdict.CONFIRMED_JUSTIFIED, Verdict.CONFIRMED_UNJUSTIFIED})


def finding(standing: Iterable[Standing], agreeing: Collection[str]) -> Verdict | None:
    """What the judgements come to where these fields agree; None where none holds."""
    held = {
        one.verdict
        for one in standing
        if one.verdict is not Verdict.REFUTED or set(agreeing) <= one.fields  # (2)
    }
    found = held - {Verdict.UNDER_REVIEW, Verdict.UNDETERMINED}  # (3)
    if not found:
        return next((one for one in (Verdict.UNDER_REVIEW, Verdict.UNDETERMINED) if one in held), None)
    if found == {Verdict.REFUTED}:  # (4)
        return Verdict.REFUTED
    if not found <= _SAME:
        return Verdict.UNDER_REVIEW
    return min(found, key=lambda one: one is not Verdict.CONFIRMED_UNJUSTIFIED)


def agreeing(evidence: str) -> frozenset[str]:
    """The fields that agree, of a link's evidence as it is stored."""
    rows: list[tuple[str, str, float]] = json.loads(evidence)
    return frozenset(field for field, level, _ in rows if level not in {"", DISAGREE})
