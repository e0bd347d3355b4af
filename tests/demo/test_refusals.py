"""Commands that somebody got wrong: each says code, owner and way out, and never shows a traceback."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import structlog

from passerelle import cli
from passerelle.errors import table

# The library warns that a test gives it no words; the command line itself is what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked")
CONNECTOR = """
identity = "spiffe://police.example/connector/police"
domain = "ter"
trustees = []
source = {kind = "folder", path = "data", reference = "id"}
map = {family_name = "name"}
marking = {purposes = ["counter_terrorism"], legal_basis = "be_ter_2024"}
hub = {address = "127.0.0.1:1", agency = "exchange"}
"""
HUB = 'identity = "spiffe://hub.example/hub/exchange"\ndirector = "desk"\ndomains = {ter = [1]}\n'
TRUSTEE = 'identity = "spiffe://hub.example/trustee/trustee-1"\n'
FILES = {
    "cut.toml": 'identity = "spiffe://',
    "other.toml": "nonsense = 1\n",
    "connector.toml": CONNECTOR,
    "torn-connector.toml": f'store = "rubbish"\n{CONNECTOR}',
    "hub.toml": HUB,
    "torn-hub.toml": f'database = "rubbish"\n{HUB}',
    "trustee.toml": TRUSTEE,
    "pki.toml": "",
    "rubbish": "rubbish",
}
REFUSED = [
    ("connector run --config nowhere.toml", "config_invalid", "nowhere.toml: No such file or directory"),
    ("connector status --config cut.toml", "config_invalid", "cut.toml: no TOML at"),
    ("connector status --config other.toml", "config_invalid", "nonsense: no such setting"),
    ("connector status --config torn-connector.toml", "database_malformed", "rubbish: SQLITE_NOTADB"),
    ("connector test-source", "source_unreadable", "data: no such folder or file"),
    ("connector submit", "key_file_missing", ""),
    ("connector renew", "renewal_not_configured", "no [pki]"),
    ("connector enrol rubbish --fingerprint 00", "invitation_malformed", ""),
    ("hub status --config torn-hub.toml", "database_malformed", "rubbish: SQLITE_NOTADB"),
    ("hub backup-key nowhere/operator.key", "file_unusable", "No such file or directory"),
    ("hub backup copies", "backup_not_configured", "operator_key"),
    ("hub weights activate rubbish", "config_invalid", "[policy.signers]"),
    ("policy check nowhere", "policy_bundle_invalid", "nowhere: no such folder"),
    ("policy sign rubbish --key rubbish", "key_file_permissions", "rubbish"),
    ("trustee run", "config_invalid", "registry.pub: No such file or directory"),
    ("pki list", "file_unusable", "root.pem: No such file or directory"),
    ("pki init rubbish", "ceremony_invalid", ""),
    ("audit verify --offline nowhere --registry-key rubbish", "key_malformed", "rubbish: verifying key"),
    ("audit witness", "config_invalid", "supervisor.toml: No such file or directory"),
    ("doctor --role moon", "config_invalid", "no role moon"),
    ("seal-keys nowhere", "key_file_missing", "nowhere"),
    ("demo --lists one two", "config_invalid", "--truth"),
]


@pytest.mark.parametrize("line", ["seal-keys", "audit proof", "pki revoke --reason stolen --as ada.key"])
def test_a_command_that_is_told_of_nothing_is_a_usage_error(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["passerelle", *line.split()])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == cli.USAGE
    assert "requires an argument" in capsys.readouterr().err


@pytest.mark.parametrize(("line", "code", "detail"), REFUSED, ids=[line for line, _, _ in REFUSED])
def test_a_wrong_command_names_what_is_wrong(
    line: str,
    code: str,
    detail: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_text(content, "utf-8")
        (tmp_path / name).chmod(0o644)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        structlog, "configure", lambda **_: None
    )  # it would bind all later tests to this one's stderr
    monkeypatch.setattr(sys, "argv", ["passerelle", *line.split()])
    with pytest.raises(SystemExit) as left:
        cli.main()
    said = capsys.readouterr()
    assert left.value.code == cli.FAILURE
    assert table()[code].fix in said.err or table()[code].public in said.out, said.err
    assert detail in said.err
    assert "Traceback" not in said.err
