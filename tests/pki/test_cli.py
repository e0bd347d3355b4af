"""The commands of the authority, from nothing to a leaf and a registry entry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passerelle.certificate import Usage, verify_peer
from passerelle.clock import SystemClock
from passerelle.codec.signed import decode_signed
from passerelle.csr import make_request, new_key
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.registry_entry import verify_entry
from passerelle_pki.cli import app, read_party
from passerelle_pki.registry import read_public_key

PEOPLE = "prepared_by: Ada Adams\nreviewed_by: Bo Brown\n"
POLICE = Identity("police.example", Role.CONNECTOR, "police")


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Runs one command with a configuration in a folder of the test."""
    (tmp_path / "pki.toml").write_text('authority = "authority"\nregistry = "registry"\n')
    (tmp_path / "ceremony.yaml").write_text(f"{PEOPLE}trust_domain: police.example\n")
    config = ["--config", str(tmp_path / "pki.toml")]
    return lambda *words: app(
        [*map(str, words), *config], result_action="return_value", exit_on_error=False, print_error=False
    )


def _describe(folder: Path, extra: str = "") -> Path:
    file = folder / "police.toml"
    file.write_text(
        'agency = "police"\ntrust_domain = "police.example"\nroles = ["connector"]\nname = "Police"\n'
        f'roots = "authority/root.pem"\n{extra}'
    )
    return file


def test_from_nothing_to_a_leaf(run: Any, tmp_path: Path) -> None:
    run("init", tmp_path / "ceremony.yaml")
    (tmp_path / "request.pem").write_bytes(make_request(new_key(), POLICE, Usage.CLIENT))
    out = tmp_path / "chain.pem"
    run("issue", tmp_path / "request.pem", "--identity", POLICE, "--usage", "client", "--out", out)
    roots = (tmp_path / "authority" / "root.pem").read_bytes()
    assert verify_peer(out.read_bytes(), roots, SystemClock().now(), Usage.CLIENT).identity == POLICE
    with pytest.raises(PasserelleError, match="request_invalid"):
        run("issue", tmp_path / "absent.pem", "--identity", POLICE, "--usage", "client", "--out", out)


def test_an_entry_is_published(run: Any, tmp_path: Path) -> None:
    run("init", tmp_path / "ceremony.yaml", "--registry")
    (tmp_path / "manifest.bin").write_bytes(b"manifest")
    for revision in (1, 2):
        run("entry", _describe(tmp_path, 'manifest = "manifest.bin"'), "--out", tmp_path / "entry.bin")
        signed = decode_signed((tmp_path / "entry.bin").read_bytes())
        entry = verify_entry(signed, read_public_key(tmp_path / "registry" / "registry.pub"))
        assert (entry.agency, entry.revision, entry.manifest) == ("police", revision, b"manifest")


def test_the_list_is_for_people_and_programs(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("init", tmp_path / "ceremony.yaml")
    capsys.readouterr()
    run("list", "--json")
    listed = json.loads(capsys.readouterr().out)
    assert [row["what"] for row in listed.pop("authorities")] == ["root", "issuing authority 1, active"]
    assert listed == {"certificates": [], "parties": [], "enrolments": []}
    (tmp_path / "request.pem").write_bytes(make_request(new_key(), POLICE, Usage.CLIENT))
    (tmp_path / "pki.toml").write_text('authority = "authority"\nregistry = "other"\n')
    run("issue", tmp_path / "request.pem", "--identity", POLICE, "--usage", "client", "--out", tmp_path / "c")
    (tmp_path / "more.yaml").write_text(f"{PEOPLE}trust_domain: more.example\n")
    (tmp_path / "pki.toml").write_text('authority = "more"\nregistry = "registry"\n')
    run("init", tmp_path / "more.yaml", "--registry")
    run("entry", _describe(tmp_path), "--out", tmp_path / "entry.bin")
    (tmp_path / "pki.toml").write_text('authority = "authority"\nregistry = "registry"\n')
    capsys.readouterr()
    run("list", "--json")
    listed = json.loads(capsys.readouterr().out)
    assert [row["what"] for row in listed["certificates"]] == [f"{POLICE} client"]
    assert [(row["agency"], row["revision"]) for row in listed["parties"]] == [("police", "1")]
    run("list")
    text = capsys.readouterr().out
    assert "certificates" in text
    assert "parties" in text


@pytest.mark.parametrize(
    "extra", ['status = "unknown"', 'manifest = "absent.bin"', "more = 1", "[", "roles = 1"]
)
def test_an_unclear_description_of_a_party_is_refused(run: Any, tmp_path: Path, extra: str) -> None:
    run("init", tmp_path / "ceremony.yaml")
    with pytest.raises(PasserelleError, match="registry_entry_invalid"):
        read_party(_describe(tmp_path, extra))


def test_a_party_without_a_field_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.toml").write_text("")
    with pytest.raises(PasserelleError, match="registry_entry_invalid"):
        read_party(tmp_path / "empty.toml")
