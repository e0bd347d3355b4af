"""The table of codes: what packages may answer with, and nothing beside it."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

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


def sources(bundle: Bundle) -> dict[str, str]:
    """The text of each package together with the helpers it imports."""
    texts = {module.path.removesuffix(".rego"): module.text for module in bundle.modules}
    used = {name: re.findall(r"import data\.passerelle\.(lib)\.(\w+)", text) for name, text in texts.items()}
    return {
        name: "\n".join([texts[name], *("".join(texts[f"{lib}/{file}"]) for lib, file in used[name])])
        for name in bundle.packages
    }


@pytest.mark.parametrize(
    ("table", "pattern"),
    [
        ("reasons", r'"code": "(\w+)"'),
        ("grants", r'^grants(?: contains |_\w+\(.*\) := \{)"(\w+)"'),
        ("redactions", r'^redactions(?: contains |_\w+\(.*\) := \{)"(\w+)"'),
        ("obligations", r'"type": "(\w+)"'),
    ],
)
def test_packages_answer_with_what_the_table_gives_them(table: str, pattern: str, bundle: Bundle) -> None:
    handling = {
        entry["type"] for code in bundle.reference["handling_codes"].values() for entry in code["obligations"]
    }
    found: dict[str, set[str]] = defaultdict(set)
    for package, text in sources(bundle).items():
        for code in re.findall(pattern, text, re.MULTILINE):
            found[code].add(package)
    rows = bundle.reference["codes"][table].items()
    told = {code: set(row["packages"]) for code, row in rows if row["packages"] and code not in handling}
    assert found == told


def test_parameters_of_reasons_are_those_of_the_table(bundle: Bundle) -> None:
    for module in bundle.modules:
        for code, params in re.findall(r'"code": "(\w+)", "params": \{([^}]*)\}', module.text):
            names = set(re.findall(r'"(\w+)":', params))
            assert names <= bundle.reference["codes"]["reasons"][code]["params"].keys(), module.path
