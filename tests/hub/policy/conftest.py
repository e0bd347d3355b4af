"""Beside the real bundle, a small one whose rules misbehave on request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from passerelle_hub.policy.bundle import Bundle, Module
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.policy.projection import projection

ODD = """package passerelle.odd

import rego.v1

answer := {
    "schema": 1, "allow": true, "grants": ["any"], "reasons": [], "obligations": [], "redactions": [],
}

decisions := {id: made |
    some id, request in input.requests
    outcome[request.action]
    made := object.union(answer, data.revision)
}

outcome["good"] := true

outcome["poison"] := count(input.requests.nothing) if some_poison

outcome["slow"] := count([1 | some i in long; some j in long; some k in long; i + j == k]) >= 0 if some_slow

some_poison if {
    some request in input.requests
    request.action == "poison"
    1 / to_number(request.subject) == 0
}

some_slow if {
    some request in input.requests
    request.action == "slow"
}

long := numbers.range(1, 2000)
"""


def odd_bundle() -> Bundle:
    """`good` is allowed, `poison` breaks its whole call, `slow` takes longer than any deadline."""
    schema: Mapping[str, object] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "action": {"type": "string", "maxLength": 20},
            "subject": {"type": "string", "maxLength": 20},
        },
    }
    fields = {"action": "value", "subject": "value"}
    return Bundle(
        modules=(Module("odd.rego", ODD),),
        tests=(),
        projections={"odd": projection("odd", {"cache": True, "fields": fields})},
        input_schemas={"odd": schema},
        reference={},
        manifest={"roots": ["passerelle", "reference", "revision"]},
        policy_revision="p" * 32,
        data_revision="d" * 32,
    )


@pytest.fixture(scope="session")
def odd() -> Bundle:
    return odd_bundle()


@pytest.fixture
def odd_engine(odd: Bundle) -> Iterator[EmbeddedEngine]:
    engine = EmbeddedEngine(odd, deadline=1.0)
    engine.warm()
    yield engine
    engine.close()
