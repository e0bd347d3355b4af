"""`passerelle policy check` and `test`: what they print and how they end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from passerelle_hub.policy_cli import app


def run(*words: str) -> int:
    """The exit code of one command."""
    try:
        app(list(words), result_action="return_value")
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest.fixture
def copy(policies: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(policies, tmp_path / "policies"))


@pytest.fixture(autouse=True)
def _no_opa(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PASSERELLE_OPA", raising=False)
    monkeypatch.setenv("PATH", "")


@pytest.mark.integration
def test_check_of_the_real_policies(policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", str(policies)) == 0
    assert "ok: admin, assess, case, disclose, match, notify, query, submission" in capsys.readouterr().out


def test_check_says_first_that_a_folder_is_not_there(
    policies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = str(tmp_path / "nowhere")
    assert run("check", nowhere) == 1
    assert f"{nowhere}: no such folder" in capsys.readouterr().err
    assert run("check", str(policies), "--data", nowhere) == 1
    assert f"{nowhere}: no such folder" in capsys.readouterr().err


@pytest.mark.integration
def test_check_as_json(policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", str(policies), "--json") == 0
    assert json.loads(capsys.readouterr().out)["findings"] == []


def test_check_names_rule_and_fix(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (copy / "match.rego").open("a", encoding="utf-8") as file:
        file.write("\nodd if not input.action\n")
    assert run("check", str(copy)) == 1
    shown = capsys.readouterr().out
    assert "match.rego:" in shown
    assert "P002" in shown
    assert "fix:" in shown


def test_check_refuses_bad_data(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "data" / "purposes.json").write_text("{}", "utf-8")
    assert run("check", str(copy)) == 1
    assert "purposes.json" in capsys.readouterr().err
    assert run("check", str(copy), "--json") == 1
    assert json.loads(capsys.readouterr().out)["error"] == "policy_data_invalid"


@pytest.mark.integration
def test_check_refuses_what_the_engine_refuses(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (copy / "match.rego").open("a", encoding="utf-8") as file:
        file.write("\nodd if unheard_of > 1\n")
    assert run("check", str(copy)) == 1
    assert "unsafe" in capsys.readouterr().out


@pytest.mark.integration
def test_check_asks_opa_too(
    copy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, opa_binary: Path
) -> None:
    monkeypatch.setenv("PASSERELLE_OPA", str(opa_binary))
    with (copy / "match.rego").open("a", encoding="utf-8") as file:
        file.write("\nodd if even\n\neven if odd\n")
    assert run("check", str(copy)) == 1
    assert "opa refuses the bundle" in capsys.readouterr().out


def test_test_counts(policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("test", str(policies)) == 0
    assert " passed, 0 failed on the embedded engine" in capsys.readouterr().out


def test_test_fails_with_the_name_of_the_test(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (copy / "match_test.rego").open("a", encoding="utf-8") as file:
        file.write("\ntest_wrong if asked({}).allow == false\n")
    assert run("test", str(copy)) == 1
    assert "FAILED on embedded: data.passerelle.match_test.test_wrong" in capsys.readouterr().out
    assert run("test", str(copy), "--json") == 1
    rows = json.loads(capsys.readouterr().out)["results"]
    assert [row["name"] for row in rows if not row["passed"]] == ["data.passerelle.match_test.test_wrong"]


def test_test_of_rules_that_do_not_parse(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "match.rego").write_text("package passerelle.match\nimport rego.v1\nx if {", "utf-8")
    assert run("test", str(copy)) == 1
    assert "policy_bundle_invalid" in capsys.readouterr().err


@pytest.mark.journey
def test_test_counts_the_lines_that_no_test_reaches(
    copy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, opa_binary: Path
) -> None:
    monkeypatch.setenv("PASSERELLE_OPA", str(opa_binary))
    assert run("test", str(copy)) == 0
    assert "passed, 0 failed on both engines\ncoverage: at least " in capsys.readouterr().out
    with (copy / "match.rego").open("a", encoding="utf-8") as file:
        file.writelines(f'\nunused(request) if request.record.domain == "{at}"\n' for at in range(20))
    assert run("test", str(copy)) == 1
    assert "COVERAGE match.rego: 8" in capsys.readouterr().out
