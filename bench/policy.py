"""Policy decisions a second of the embedded engine, nothing remembered.

Batches of 1,000 distinct projections of `submission`, with as many children as a hub has by default, through
the hub's own adapter: projection, schema check, engine in its child processes, strict reading of the answers.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, Sizes, at_least, cpu_seconds
from bench.markings import distinct_markings

from passerelle.clock import SystemClock
from passerelle.groups import EntityKind
from passerelle_demo.cli import POLICIES
from passerelle_hub import facts
from passerelle_hub.policy.bundle import load_bundle
from passerelle_hub.policy.decide import Decider
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.policy.memory import Settings
from passerelle_hub.policy.model import PolicyInput, PolicyRequest

BATCH = 1_000
WORKERS = 2


def run(sizes: Sizes, folder: Path) -> tuple[Figure, ...]:  # noqa: ARG001 - as every benchmark
    """Measure."""
    bundle = load_bundle(POLICIES)
    engine = EmbeddedEngine(bundle, workers=WORKERS)
    try:
        engine.warm()
        decider = Decider(engine, bundle, clock=SystemClock(), settings=Settings(allow_lives=0))
        inputs = list(itertools.islice(distinct_inputs(), BATCH))
        began, cpu_began = time.perf_counter(), _cpu(engine)
        for _ in range(sizes.policy_batches):
            answers = decider.decide_batch("submission", inputs)
            assert all(answer.allow for answer in answers)
            assert len({answer.id for answer in answers}) == BATCH
        seconds, cpu = time.perf_counter() - began, _cpu(engine) - cpu_began
    finally:
        engine.close()
    decisions = BATCH * sizes.policy_batches
    name = "policy, embedded, batches of 1,000 distinct inputs"
    return (
        at_least(name, decisions / seconds, "decisions/s", 3_000),
        Figure("policy, embedded, as CPU time allows on one free core", decisions / cpu, "decisions/s"),
    )


def _cpu(engine: EmbeddedEngine) -> float:
    return cpu_seconds(pid for pid in engine.pids if pid is not None)


def distinct_inputs() -> Iterator[PolicyInput]:
    """Distinct projections that policy allows, in a fixed order."""
    tiers = (["core"], ["core", "strong"], ["strong"])
    for key_tiers, marking in itertools.product(tiers, distinct_markings()):
        record = facts.marking_facts(marking, "police", "ter")
        record |= {"entity": EntityKind.PERSON.value, "key_tiers": key_tiers, "normaliser": "norm/1"}
        subject = {"agency": "police", "role": "connector"}
        yield PolicyRequest(
            "submission", "put", subject, record | {"case": "benchmark"}, {"channel": facts.AUTOMATIC}
        ).to_input()
