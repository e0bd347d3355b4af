"""Passphrases, credentials and sealed keys: where secrets come from, and where they never do."""

from __future__ import annotations

from pathlib import Path

import pytest

from passerelle.certificate import Usage
from passerelle.clock import SystemClock
from passerelle.csr import load_key, make_request, new_key, obtain_key, stored_pem
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.keyfile import KeyKind, read_key, seal_key, write_key, write_private
from passerelle.passphrase import passphrase
from passerelle.privatefile import read_private
from passerelle.rpc.material import FileMaterial
from passerelle.seal_keys import seal_keys
from passerelle.secrets import secret_text, wipe
from passerelle_pki.ceremony import create_authority


@pytest.fixture
def phrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "phrase"
    write_private(file, b"correct horse\n")
    monkeypatch.setenv("PASSERELLE_PASSPHRASE_FILE", str(file))
    return file


def code(error: pytest.ExceptionInfo[PasserelleError]) -> str:
    return error.value.code


def test_a_secret_comes_from_a_private_file(tmp_path: Path) -> None:
    write_private(tmp_path / "pin", b"1234\n")
    assert secret_text(tmp_path / "pin", "pin") == "1234"
    (tmp_path / "pin").chmod(0o640)
    with pytest.raises(PasserelleError) as caught:
        secret_text(tmp_path / "pin", "pin")
    assert code(caught) == "key_file_permissions"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_an_empty_or_unreadable_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    write_private(tmp_path / "pin", content)
    with pytest.raises(PasserelleError) as caught:
        secret_text(tmp_path / "pin", "pin")
    assert code(caught) == "secret_missing"


def test_a_credential_of_the_service_is_taken_where_no_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PasserelleError) as caught:
        secret_text(None, "pin")
    assert code(caught) == "secret_missing"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    write_private(tmp_path / "pin", b"1234")
    (tmp_path / "pin").chmod(0o440)  # as systemd shows its access list
    assert secret_text(None, "pin") == "1234"
    (tmp_path / "pin").chmod(0o444)
    with pytest.raises(PasserelleError) as caught:
        secret_text(None, "pin")
    assert code(caught) == "key_file_permissions"


def test_the_passphrase_is_a_credential_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert passphrase() == ""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert passphrase() == ""
    write_private(tmp_path / "passerelle-passphrase", b"battery staple")
    assert passphrase() == "battery staple"


def test_keys_are_sealed_where_a_passphrase_is_there(tmp_path: Path, phrase: Path) -> None:
    secret = bytes(range(64))
    write_key(tmp_path / "a.key", KeyKind.SIGNING, secret)
    text = (tmp_path / "a.key").read_text()
    assert text.startswith("passerelle-key-sealed signing/1\n")
    assert read_key(tmp_path / "a.key", KeyKind.SIGNING) == secret
    with pytest.raises(PasserelleError) as caught:
        read_key(tmp_path / "a.key", KeyKind.PEPPER)
    assert code(caught) == "key_file_malformed"
    (tmp_path / "a.key").write_text(text.replace("signing/1", "pepper/1"))
    with pytest.raises(PasserelleError) as caught:
        read_key(tmp_path / "a.key", KeyKind.PEPPER)
    assert code(caught) == "passphrase_wrong"  # the kind is sealed in


def test_a_sealed_key_is_refused_without_its_passphrase(
    tmp_path: Path, phrase: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_key(tmp_path / "a.key", KeyKind.VAULT, b"secret")
    write_private(tmp_path / "leaf.pem", stored_pem(new_key()))
    write_private(phrase, b"another", replace=True)
    for wrong in ("passphrase_wrong", "passphrase_missing"):
        for read in (
            lambda: read_key(tmp_path / "a.key", KeyKind.VAULT),
            lambda: load_key(read_private(tmp_path / "leaf.pem")),
        ):
            with pytest.raises(PasserelleError) as caught:
                read()
            assert code(caught) == wrong
        monkeypatch.delenv("PASSERELLE_PASSPHRASE_FILE", raising=False)


def test_keys_that_lie_open_are_read_and_can_be_sealed(
    tmp_path: Path, phrase: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PASSERELLE_PASSPHRASE_FILE")
    write_key(tmp_path / "a.key", KeyKind.LOCAL, b"secret")
    leaf = obtain_key(tmp_path / "leaf-key.pem")
    for seal in (lambda: seal_key(tmp_path / "a.key"), lambda: seal_keys(tmp_path / "leaf-key.pem")):
        with pytest.raises(PasserelleError) as caught:
            seal()
        assert code(caught) == "passphrase_missing"
    monkeypatch.setenv("PASSERELLE_PASSPHRASE_FILE", str(phrase))
    for _ in range(2):
        seal_keys(tmp_path / "a.key", tmp_path / "leaf-key.pem")
    assert b"passerelle-key-sealed local/1" in (tmp_path / "a.key").read_bytes()
    assert b"ENCRYPTED" in (tmp_path / "leaf-key.pem").read_bytes()
    assert read_key(tmp_path / "a.key", KeyKind.LOCAL) == b"secret"
    assert obtain_key(tmp_path / "leaf-key.pem").public_key() == leaf.public_key()
    (tmp_path / "odd.key").touch(mode=0o600)
    with pytest.raises(PasserelleError) as caught:
        seal_key(tmp_path / "odd.key")
    assert code(caught) == "key_file_malformed"


def test_tls_reads_an_encrypted_key(tmp_path: Path, phrase: Path) -> None:
    police = Identity("police.example", Role.CONNECTOR, "police")
    authority = create_authority(tmp_path / "authority", police.trust_domain, SystemClock())
    request = make_request(obtain_key(tmp_path / "leaf-key.pem"), police, Usage.CLIENT)
    (tmp_path / "leaf.pem").write_bytes(authority.issue_leaf(police, request, Usage.CLIENT))
    pair = FileMaterial(tmp_path / "leaf-key.pem", tmp_path / "leaf.pem").read()
    assert pair.key.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert pair.key not in (tmp_path / "leaf-key.pem").read_bytes()


def test_wiping_leaves_nothing() -> None:
    secret = bytearray(b"secret")
    wipe(secret)
    assert secret == bytes(6)
