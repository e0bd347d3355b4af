"""The lint: each rule finds its breach, and honest policies pass."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from passerelle_hub.policy.bundle import Bundle, Module
from passerelle_hub.policy.lint import RULES, lint_bundle, lint_module, rules_page
from passerelle_hub.policy.projection import projection

HEAD = """package passerelle.p

import data.passerelle.lib.verdict
import data.passerelle.lib.words
import data.reference
import rego.v1

default decision := {"schema": 1, "allow": false}

decisions := {id: made |
    some id, request in input.requests
    made := decision with input as request
}

decision := verdict.of(set(), set(), set(), set()) if input.action

active if input.subject.agency
"""
PROJECTION = ("action", "schema", "subject.agency")


def found(body: str, *, head: str = HEAD, projection: tuple[str, ...] | None = PROJECTION) -> list[str]:
    return [item.rule for item in lint_module(Module("p.rego", head + body), projection)]


FUNCTIONS = """package passerelle.p

import data.passerelle.lib.verdict
import data.passerelle.lib.words
import data.reference
import rego.v1

decisions := {id: object.union(decided(request), data.revision) | some id, request in input.requests}

decision := decided(input)

default decided(_) := {"schema": 1, "allow": false}

decided(request) := verdict.of(set(), denials(request), set(), set()) if request.action == "put"

denials(request) := activity(request.subject.agency)

activity(agency) := set() if {
    reference.agencies[agency].status == "active"
} else := {{"code": "agency_inactive", "params": {}}}
"""
GOOD = [
    "",
    "denied if not active",
    "helper(x) if x > 1\ndenied if { some x in {1, 2}; not helper(x) }",
    "denied if { some x in {1, 2}; not verdict.known(x, 3) }",
    "count_of := count(reference.agencies)",
    "a := reference.agencies[input.subject.agency].rank",
    'b := input["subject"].agency',
    "c := {x | some x in words.of(input.action)}",
    "d if every x in words.of(input.action) { x > 1 }",
    'e if input.subject.agency in {"a", "b"}',
]
BAD = [
    ("x if not input.subject.agency", ["P002"]),
    ("x if not input.action == 1", ["P002"]),
    ("x if not reference.agencies", ["P002"]),
    ("x if not reference.agencies[input.action]", ["P002"]),
    ("x if not helper(input.action)\nhelper(x) if x > 1", ["P002"]),
    ("x if not helper(active)\nhelper(x) if x > 1", ["P002"]),
    ("x if { y := 1; not y }", ["P002"]),
    ("x := {y | some y in {1}; not y > 2}", ["P002"]),
    ('x := http.send({"method": "get", "url": "u"})', ["P003"]),
    ("x := time.now_ns()", ["P003"]),
    ("x := opa.runtime()", ["P003"]),
    ('x := rand.intn("a", 3)', ["P003"]),
    ('x := uuid.rfc4122("a")', ["P003"]),
    ('x := net.lookup_ip_addr("a")', ["P003"]),
    ('x if regex.match("a", input.action)', ["P003"]),
    ("x := input.record.id", ["P006"]),
    ("x := input", ["P006"]),
    ("x := input.subject", ["P006"]),
    ('x := input["record"]', ["P006"]),
    ("x := input.subject[input.action]", ["P016", "P006"]),
    ("x := data.passerelle.notify.decision", ["P008"]),
    ("x := data.secrets", ["P008"]),
    ("x if active with input as {}", ["P009"]),
    ("x := reference.agencies.default", ["P014"]),
    ("x if with.some", ["P000"]),
    ('decision := {"allow": true} if input.action', ["P015"]),
    ("decision := other if input.action\nother := 1", ["P015"]),
    ("x := {y | some y in input.action}", ["P016"]),
    ("x if every y in input.action { y > 1 }", ["P016"]),
    ('x if "a" in input.action', ["P016"]),
    ("x if count(input.action) > 1", ["P016"]),
    ("x if input.action[_] > 1", ["P016"]),
    ("x if {", ["P000"]),
    ('x := $"{input.action}"', ["P000"]),
]


@pytest.mark.parametrize("body", GOOD)
def test_portable_rules_pass(body: str) -> None:
    assert found(body) == []


@pytest.mark.parametrize(("body", "expected"), BAD)
def test_each_breach_is_found(body: str, expected: list[str]) -> None:
    assert found(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", []),
        ("x(names) := {name | some name in words.of(names)}", []),
        ("x(names) := {name | some name in names}", ["P016"]),
        ("x(names) if count(names) > 1", ["P016"]),
        ('x(request) if "a" in request.action', ["P016"]),
        ("x(request) := request.record.id", ["P006"]),
        ("x(request) := request.subject", ["P006"]),
        ("x(request) := y if { y := request }", ["P006"]),
        ("x(request) := y(request)\ny(whole) := whole.record.id", ["P017"]),
        ("x(request) := y(1, request)\ny(request, whole) := [request, whole]", ["P006", "P017"]),
        ("x(request) := words.of(request)", ["P017"]),
        ("x := words.of(input)", ["P017"]),
        ('decided(request) := {"allow": true} if request.action', ["P015"]),
        (
            "decided(request) := verdict.of(set(), set(), set(), set()) if request.action"
            ' else := {"allow": true}',
            ["P015"],
        ),
    ],
)
def test_rules_as_functions(body: str, expected: list[str]) -> None:
    assert sorted(found(body, head=FUNCTIONS)) == expected


def test_a_function_must_deny_by_default() -> None:
    assert found("", head=FUNCTIONS.replace("default decided(_)", "default other(_)")) == ["P004"]


def test_missing_import() -> None:
    assert "P001" in found("", head=HEAD.replace("import rego.v1\n", ""))


@pytest.mark.parametrize("value", ["true", '{"allow": true}', "{}", '{"allow": "false"}'])
def test_default_must_deny(value: str) -> None:
    head = HEAD.replace('{"schema": 1, "allow": false}', value)
    assert found("", head=head) == ["P004"]


def test_missing_default() -> None:
    assert found("", head=HEAD.replace('default decision := {"schema": 1, "allow": false}\n', "")) == ["P004"]


def test_missing_entry_point() -> None:
    head = HEAD.replace("decisions :=", "answers :=")
    assert sorted(set(found("", head=head))) == ["P005", "P006", "P009", "P016"]


def test_library_reads_nothing() -> None:
    head = "package passerelle.p\nimport rego.v1\n"
    assert found("f(x) := input.action if x", head=head, projection=None) == ["P007"]
    assert sorted(found("f(x) := data.reference.a if x", head=head, projection=None)) == ["P007"]


def test_a_field_nobody_reads() -> None:
    assert found("", projection=(*PROJECTION, "record.domain")) == ["P010"]


def test_package_name_is_the_files() -> None:
    assert found("", head=HEAD.replace("package passerelle.p", "package passerelle.q")) == ["P011"]


def test_findings_name_line_message_and_fix() -> None:
    (finding,) = lint_module(Module("p.rego", HEAD + "x if not input.action"), PROJECTION)
    assert (finding.path, finding.line) == ("p.rego", HEAD.count("\n") + 1)
    assert finding.message == RULES["P002"][0]
    assert finding.fix.startswith("name the condition")


def test_a_syntax_error_names_its_line() -> None:
    (finding,) = lint_module(Module("p.rego", HEAD + "x if {"), PROJECTION)
    assert finding.line == HEAD.count("\n") + 1
    assert "expecting expression" in finding.message


@pytest.mark.parametrize(
    "line",
    [
        'grants contains "kindness" if input.action',
        'grants_freely(agency) := {"kindness"} if agency',
        'denials contains {"code": "mood", "params": {}} if not role_held',
        'obligations contains {"type": "sing", "value": true} if input.action',
        'redactions contains "everything" if input.action',
        'redactions_all(agency) := {"everything"} if agency',
    ],
)
def test_a_code_outside_the_table(line: str, bundle: Bundle) -> None:
    spoilt = [replace(one, text=one.text + line + "\n") for one in bundle.modules if one.path == "admin.rego"]
    kept = [one for one in bundle.modules if one.path != "admin.rego"]
    found_in = lint_bundle(replace(bundle, modules=(*kept, *spoilt)))
    assert [(one.path, one.rule) for one in found_in] == [("admin.rego", "P012")]


@pytest.mark.parametrize(
    ("field", "kind", "cache", "rules"),
    [
        ("now", "value", True, ["P013"]),
        ("now", "day", True, []),
        ("now", "value", False, []),
        ("subject.user", "value", False, ["P013"]),
        ("subject.user", "present", True, []),
        ("record.id", "value", False, ["P013"]),
        ("context.request", "value", True, ["P013"]),
    ],
)
def test_a_projection_names_no_record_request_person_or_moment(
    field: str, kind: str, cache: bool, rules: list[str], bundle: Bundle
) -> None:
    declared = projection("admin", {"cache": cache, "fields": {"schema": "value", field: kind}})
    found_in = lint_bundle(replace(bundle, projections={**bundle.projections, "admin": declared}))
    assert [one.rule for one in found_in if one.path == "projections/admin.json"] == rules


def test_the_page_of_the_rules_is_the_table() -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "policy-lint.md"
    assert page.read_text("utf-8") == rules_page()
