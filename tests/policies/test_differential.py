"""Both engines give the same answer to whatever they are asked.

Inputs begin as golden cases, have fields exchanged for others of the vocabulary, and are then spoilt: fields
removed, nulled, given another type, or made huge. They reach the engines unchecked: the input schemas, which
in the hub would refuse most of them first, are replaced by one that takes everything. The seed is fixed, so
a difference found once is found again; `PASSERELLE_FUZZ_SEED` and `PASSERELLE_FUZZ_INPUTS` set others.
"""

from __future__ import annotations

import copy
import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from passerelle.clock import ManualClock
from passerelle_hub.policy.bundle import Bundle, Module
from passerelle_hub.policy.decide import Decider
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.policy.engine import Engine
from passerelle_hub.policy.jsonvalue import as_object
from passerelle_hub.policy.memory import Settings
from passerelle_hub.policy.model import Decision
from passerelle_hub.policy.opa import OpaEngine

GOLDEN = Path(__file__).resolve().parents[2] / "policies" / "golden"
INPUTS = int(os.environ.get("PASSERELLE_FUZZ_INPUTS", "20000"))
SEED = int(os.environ.get("PASSERELLE_FUZZ_SEED", "5"))
BATCH = 1_000
GONE = ...
SPOILT: tuple[Any, ...] = (
    *(GONE, GONE, GONE, None, None, True, False, 0, 1, -1, 3, 2**53, 10**30, 1.5, -0.0, 1e300),
    *("", "police", "core", "true", "<undefined>", "é\u0000\u2028", "x" * 4_000),
    *(
        [],
        [[]],
        [None],
        [1, "1", True],
        ["core"] * 500,
        {},
        {"": {}},
        {"a": [{"b": 1}]},
        [["police"], "police"],
    ),
)
"""What a spoilt field becomes."""


def golden(package: str) -> list[dict[str, Any]]:
    return [json.loads(path.read_text("utf-8"))["input"] for path in sorted((GOLDEN / package).iterdir())]


def places(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every path of an input, parents included."""
    for name, inner in (as_object(node) or {}).items():
        yield (*path, name)
        yield from places(inner, (*path, name))


def put(given: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Set one place of an input; an input that has lost the way there stays as it is."""
    *parents, leaf = path
    node: dict[str, Any] | None = given
    for part in parents:
        node = as_object(node.get(part)) if node is not None else None
    if node is not None:
        node[leaf] = value
        if value is GONE:
            del node[leaf]


def vocabulary(cases: list[dict[str, Any]], bundle: Bundle) -> dict[str, list[Any]]:
    """Values seen at each field's name in the golden cases, and names of every document for the codes."""
    found: dict[str, dict[str, Any]] = {}
    for case in cases:
        for path in places(case):
            node: Any = case
            for part in path:
                node = node[part]
            if not isinstance(node, dict):
                found.setdefault(path[-1], {})[json.dumps(node)] = node
    codes = [name for document in bundle.reference.values() for name in document]
    return {
        name: [*seen.values(), *codes[:40]] if "agency" in name else list(seen.values())
        for name, seen in found.items()
    }


def inputs(package: str, bundle: Bundle, count: int, chance: random.Random) -> list[dict[str, Any]]:
    """`count` inputs of one package, a fifth of them sound."""
    cases = golden(package)
    words = vocabulary(cases, bundle)
    made: list[dict[str, Any]] = []
    for _ in range(count):
        given = copy.deepcopy(chance.choice(cases))
        every = list(places(given))
        for path in chance.sample(every, chance.randint(0, 3)):
            if path[-1] in words:
                put(given, path, copy.deepcopy(chance.choice(words[path[-1]])))
        for path in chance.sample(every, chance.choice((0, 1, 1, 2, 3))):
            put(given, path, copy.deepcopy(chance.choice(SPOILT)))
        made.append(given)
    return made


def told(decision: Decision) -> tuple[Any, ...]:
    return decision.allow, decision.grants, decision.reasons, decision.obligations, decision.redactions


def unchecked(engine: Engine, bundle: Bundle) -> Decider:
    """A decider that lets every input through to the engine."""
    open_to_all = replace(bundle, input_schemas={package: {} for package in bundle.packages})
    return Decider(engine, open_to_all, clock=ManualClock(), settings=Settings(allow_lives=0))


def differences(
    first: Decider, second: Decider, bundle: Bundle, packages: tuple[str, ...], count: int, seed: int
) -> tuple[list[str], Counter[str]]:
    """What the two decide differently, and how often each outcome was seen."""
    chance = random.Random(seed)
    seen: Counter[str] = Counter()
    differing: list[str] = []
    for package in packages:
        made = inputs(package, bundle, -(-count // len(packages)), chance)
        for at in range(0, len(made), BATCH):
            part = made[at : at + BATCH]
            answers = zip(first.decide_batch(package, part), second.decide_batch(package, part), strict=True)
            for given, (one, other) in zip(part, answers, strict=True):
                seen["allow" if one.allow else one.reasons[0].code] += 1
                if told(one) != told(other):
                    differing.append(f"{package} {json.dumps(given)}: {told(one)} and {told(other)}")
    return differing, seen


@pytest.mark.journey
def test_no_difference_between_the_engines(bundle: Bundle, embedded: EmbeddedEngine, opa: OpaEngine) -> None:
    first, second = unchecked(embedded, bundle), unchecked(opa, bundle)
    differing, seen = differences(first, second, bundle, bundle.packages, INPUTS, SEED)
    assert sum(seen.values()) >= INPUTS
    assert seen["allow"] > INPUTS // 20, "too few inputs reached an allow to tell the engines apart"
    assert seen["policy_unavailable"] == 0, "a rule breaks on some input; take lists with lib/words"
    assert differing == [], (
        f"{len(differing)} differences with seed {SEED}; the first: {differing[0][:2_000]}"
    )


@pytest.mark.integration
@pytest.mark.parametrize("code", ["embargoed", "not_releasable", "not_own_record", "clearance_too_low"])
def test_one_rule_that_differs_would_be_found(code: str, bundle: Bundle, embedded: EmbeddedEngine) -> None:
    """The same comparison against an engine that lacks one denial of `notify`."""
    texts = {module.path: module.text for module in bundle.modules}
    denial = f'{{{{"code": "{code}", "params": {{}}}}}}'
    assert texts["notify.rego"].count(denial) == 1
    slipped = texts | {"notify.rego": texts["notify.rego"].replace(denial, "set()")}
    other = EmbeddedEngine(replace(bundle, modules=tuple(Module(*row) for row in slipped.items())))
    try:
        first, second = unchecked(embedded, bundle), unchecked(other, bundle)
        differing, _ = differences(first, second, bundle, ("notify",), 1_000, SEED)
    finally:
        other.close()
    assert differing
