"""Loading a bundle: revisions, the operator's own documents, and every way it can be wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from passerelle.errors import PasserelleError
from passerelle_hub.policy.bundle import Bundle, load_bundle


@pytest.fixture
def copy(policies: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(policies, tmp_path / "policies"))


def edit(path: Path, **changes: Any) -> None:
    document = json.loads(path.read_text("utf-8"))
    for key, value in changes.items():
        document[key] = value
    path.write_text(json.dumps(document), "utf-8")


def test_loading_twice_gives_the_same_revisions(policies: Path, bundle: Bundle) -> None:
    assert load_bundle(policies).revision == bundle.revision
    assert "match" in bundle.packages


def test_rules_and_data_have_revisions_of_their_own(copy: Path, bundle: Bundle) -> None:
    (copy / "match.rego").write_text((copy / "match.rego").read_text("utf-8") + "\n# a comment\n", "utf-8")
    changed = load_bundle(copy)
    assert changed.policy_revision != bundle.policy_revision
    assert changed.data_revision == bundle.data_revision
    edit(copy / "data" / "purposes.json", drills={"title": "Exercises"})
    assert load_bundle(copy).data_revision != bundle.data_revision


def test_the_operators_documents_take_the_place_of_the_default_ones(
    policies: Path, tmp_path: Path, bundle: Bundle
) -> None:
    agencies = json.loads((policies / "data" / "agencies.json").read_text("utf-8"))
    (tmp_path / "agencies.json").write_text(json.dumps({"harbour": agencies["police"]}), "utf-8")
    loaded = load_bundle(policies, tmp_path)
    assert loaded.reference["agencies"].keys() == {"harbour"}
    assert loaded.reference["domains"] == bundle.reference["domains"]
    assert loaded.policy_revision == bundle.policy_revision
    assert loaded.data_revision != bundle.data_revision


@pytest.mark.parametrize(
    ("name", "entry", "hint"),
    [
        ("agencies", {"police": {"role": "basic"}}, "breaks required"),
        ("agencies", {"Police": {}}, "agencies.json"),
        ("agencies", {}, "breaks minProperties"),
        (
            "handling_codes",
            {"H7": {"title": "x", "obligations": [], "condition": False}},
            "handling_codes.json",
        ),
        ("unheard", {"a": {}}, "unheard"),
    ],
)
def test_a_document_that_breaks_its_schema(
    policies: Path, tmp_path: Path, name: str, entry: dict[str, Any], hint: str
) -> None:
    (tmp_path / f"{name}.json").write_text(json.dumps(entry), "utf-8")
    with pytest.raises(PasserelleError) as refused:
        load_bundle(policies, tmp_path)
    assert refused.value.code == "policy_data_invalid"
    assert hint in refused.value.detail


def test_an_unknown_field_of_an_agency(copy: Path) -> None:
    path = copy / "data" / "agencies.json"
    police = json.loads(path.read_text("utf-8"))["police"]
    edit(path, police={**police, "favourite": True})
    with pytest.raises(PasserelleError) as refused:
        load_bundle(copy)
    assert refused.value.detail == "agencies.json at /police: breaks additionalProperties"


@pytest.mark.parametrize(
    ("field", "value"), [("domains", ["atlantis"]), ("purposes", ["gossip"]), ("legal_bases", ["none"])]
)
def test_a_reference_to_nothing(copy: Path, field: str, value: list[str]) -> None:
    path = copy / "data" / "agencies.json"
    police = json.loads(path.read_text("utf-8"))["police"]
    edit(path, police={**police, field: value})
    with pytest.raises(PasserelleError) as refused:
        load_bundle(copy)
    assert f"police.{field}" in refused.value.detail


def test_two_levels_of_one_rank(copy: Path) -> None:
    edit(copy / "data" / "classifications.json", cosmic={"rank": 5})
    with pytest.raises(PasserelleError) as refused:
        load_bundle(copy)
    assert "share a rank" in refused.value.detail


def test_an_obligation_nobody_can_carry_out(copy: Path) -> None:
    entry = {"title": "x", "obligations": [{"type": "eat_after_reading", "value": True}], "condition": False}
    edit(copy / "data" / "handling_codes.json", H3=entry)
    with pytest.raises(PasserelleError) as refused:
        load_bundle(copy)
    assert "H3" in refused.value.detail


@pytest.mark.parametrize(
    "missing", ["projections/match.json", "schemas/input/match.json", "match.rego", ".manifest"]
)
def test_a_missing_part(copy: Path, missing: str) -> None:
    (copy / missing).unlink()
    with pytest.raises(PasserelleError) as refused:
        load_bundle(copy)
    assert refused.value.code == "policy_bundle_invalid"


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe"])
def test_a_file_that_is_no_json(copy: Path, content: bytes) -> None:
    (copy / "data" / "purposes.json").write_bytes(content)
    with pytest.raises(PasserelleError) as refused:
        load_bundle(copy)
    assert "purposes.json" in refused.value.detail


def test_rego_that_is_not_utf8(copy: Path) -> None:
    (copy / "match.rego").write_bytes(b"package \xff")
    with pytest.raises(PasserelleError) as refused:
        load_bundle(copy)
    assert "match.rego" in refused.value.detail


def test_written_for_opa(bundle: Bundle, tmp_path: Path) -> None:
    folder = bundle.write_opa(tmp_path / "out")
    assert json.loads((folder / ".manifest").read_text("utf-8"))["revision"] == bundle.revision
    data = json.loads((folder / "data.json").read_text("utf-8"))
    assert data["revision"] == {
        "policy_revision": bundle.policy_revision,
        "data_revision": bundle.data_revision,
    }
    assert not list(folder.rglob("*_test.rego"))
    assert list(bundle.write_opa(tmp_path / "tests", tests=True).rglob("*_test.rego"))
