"""The table of codes: what packages may answer with, and nothing beside it."""

from __future__ import annotations

from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.model import INPUT_INVALID, OBLIGATIONS, REDACTIONS, UNAVAILABLE

TYPES = {"boolean": bool, "integer": int, "string": str}


def test_the_hub_understands_exactly_the_obligations_and_redactions_of_the_table(bundle: Bundle) -> None:
    codes = bundle.reference["codes"]
    assert {name: TYPES[row["value"]] for name, row in codes["obligations"].items()} == OBLIGATIONS
    assert codes["redactions"].keys() == REDACTIONS


def test_the_hubs_own_reasons_are_in_the_table_and_belong_to_no_package(bundle: Bundle) -> None:
    reasons = bundle.reference["codes"]["reasons"]
    assert [name for name, row in reasons.items() if not row["packages"]] == [UNAVAILABLE, INPUT_INVALID]
