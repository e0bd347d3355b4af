"""Shadow mode: a second revision is asked whatever the active one is asked, and obeyed in nothing.

Differences are counted in the same transaction as the decision they concern (`policy_difference`). The shadow
always runs on the embedded engine, whichever engine is active: an OPA server holds one bundle. It can do no
harm but cost time: a short deadline, and after a fault it rests until the next change of the state; what it
did not answer is counted as the difference `no_answer`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from passerelle.clock import Clock
from passerelle.log import get_logger
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.decide import Decider
from passerelle_hub.policy.engine import Engine
from passerelle_hub.policy.model import UNAVAILABLE, Decision, PolicyRequest
from passerelle_hub.policy.outcome import compare, outcome_of
from passerelle_hub.store import Transaction, policies
from passerelle_hub.store.policies import StoredDifference

DEADLINE: Final = 2.0
"""Seconds for one part of a batch; a revision that is slower holds up the hub and is not fit to be active."""
NO_ANSWER: Final = "no_answer"
_LOG = get_logger("shadow")


@dataclass(slots=True)
class _Trial:
    engine: Engine
    bundle: Bundle
    decider: Decider
    resting: bool = False


class Shadow:
    """The revision that is tried, if there is one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._trial: _Trial | None = None

    def begin(self, engine: Engine, bundle: Bundle) -> None:
        """Try a revision from now on."""
        self._trial = _Trial(engine, bundle, Decider(engine, bundle, clock=self._clock))

    def end(self) -> None:
        """Try nothing any more."""
        trial, self._trial = self._trial, None
        if trial is not None:
            trial.engine.close()

    def observe(
        self,
        tx: Transaction,
        active: Bundle,
        package: str,
        asked: Sequence[tuple[Decision, PolicyRequest]],
    ) -> None:
        """Ask the shadow what was just decided, each decision once, and count how it differs.

        Never raises for faults of the shadow.
        """
        trial = self._trial
        if trial is None or trial.resting:
            return
        inputs = [
            (request.to_input(self._clock.now()), answer)
            for answer, request in asked
            if UNAVAILABLE not in answer.reason_codes
        ]
        others = trial.decider.decide_batch(package, [given for given, _ in inputs])
        counts: Counter[tuple[str, str, str]] = Counter()
        examples: dict[tuple[str, str, str], str] = {}
        for (given, answer), other in zip(inputs, others, strict=True):
            for key in _differences(str(given.get("action", "")), answer, other):
                counts[key] += 1
                examples.setdefault(key, answer.id)
                if key[1] == NO_ANSWER and not trial.resting:
                    trial.resting = True
                    _LOG.error("shadow.rests", revision=trial.bundle.revision, decision=package)
        now = self._clock.now()
        rows = [
            StoredDifference(
                active=active.revision,
                shadow=trial.bundle.revision,
                package=package,
                action=action,
                change=change,
                why=why,
                decision=examples[action, change, why],
                count=count,
                latest=now,
            )
            for (action, change, why), count in sorted(counts.items())
        ]
        policies.note_differences(tx, rows)


def _differences(action: str, answer: Decision, other: Decision) -> list[tuple[str, str, str]]:
    if UNAVAILABLE in other.reason_codes:
        return [(action, NO_ANSWER, UNAVAILABLE)]
    return [(action, one.kind.value, one.why) for one in compare(outcome_of(answer), outcome_of(other))]
