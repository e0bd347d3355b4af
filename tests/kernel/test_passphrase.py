"""Key files under a passphrase that a token (SoftHSM) unwraps: what opens them, and all that does not."""

from __future__ import annotations

import base64
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from token_kit import MODULE, Tokens

from passerelle.csr import load_key, new_key, stored_pem
from passerelle.errors import PasserelleError
from passerelle.keyfile import KeyKind, read_key, write_key, write_private
from passerelle.passphrase import passphrase, read_passphrase, wrap_passphrase
from passerelle.privatefile import read_private
from passerelle.seal_keys import seal_keys
from passerelle.token import TokenKey, session_of
from passerelle.token_cli import token_passphrase

SECRET = bytes(range(64))
TOKEN, OTHER = "hub-1", "hub-2"


@pytest.fixture
def where(tokens: Tokens, request: pytest.FixtureRequest) -> TokenKey:
    """A key of the test's own name."""
    return tokens.key(request.node.name[:60])


@pytest.fixture
def wrapped(where: TokenKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A process whose passphrase the token unwraps."""
    file = tmp_path / "passphrase"
    wrap_passphrase(file, where)
    use(monkeypatch, file)
    return file


def use(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("PASSERELLE_PASSPHRASE_FILE", str(file))


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(PasserelleError) as caught:
        call()
    return caught.value.code


def edited(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    write_private(file, text.replace(old, new).encode(), replace=True)


def test_key_files_open_with_the_token(wrapped: Path, tmp_path: Path) -> None:
    write_key(tmp_path / "a.key", KeyKind.SIGNING, SECRET)
    write_private(tmp_path / "leaf.pem", stored_pem(made := new_key()))
    assert (tmp_path / "a.key").read_bytes().startswith(b"passerelle-key-sealed signing/1\n")
    assert read_key(tmp_path / "a.key", KeyKind.SIGNING) == SECRET
    assert load_key(read_private(tmp_path / "leaf.pem")).public_key() == made.public_key()
    assert stat.S_IMODE(wrapped.stat().st_mode) == 0o600
    assert passphrase() not in wrapped.read_text()


def test_the_key_cannot_leave_the_token(where: TokenKey, wrapped: Path) -> None:
    import pkcs11  # noqa: PLC0415 - the fixture skips where it is missing

    with session_of(where) as session:
        key = session.get_key(label=where.label)
        for name, value in {
            "NEVER_EXTRACTABLE": True,
            "SENSITIVE": True,
            "WRAP": False,
            "DERIVE": False,
        }.items():
            assert key[pkcs11.Attribute[name]] is value
        with pytest.raises(pkcs11.AttributeSensitive):
            key[pkcs11.Attribute.VALUE]


def test_without_token_or_key_or_pin_no_file_opens(wrapped: Path, where: TokenKey, tmp_path: Path) -> None:
    write_key(tmp_path / "a.key", KeyKind.VAULT, SECRET)
    whole = wrapped.read_text()
    for old, new, code in [
        ('token = "hub-1"', 'token = "absent"', "token_unavailable"),
        (str(MODULE), "/nowhere.so", "token_unavailable"),
        (where.label, "absent", "token_unavailable"),
        (str(where.pin_file), str(tmp_path / "absent"), "key_file_missing"),
    ]:
        edited(wrapped, old, new)
        assert refusal(lambda: read_key(tmp_path / "a.key", KeyKind.VAULT)) == code
        write_private(wrapped, whole.encode(), replace=True)
    write_private(tmp_path / "wrong", b"0000")
    edited(wrapped, str(where.pin_file), str(tmp_path / "wrong"))
    assert refusal(lambda: read_key(tmp_path / "a.key", KeyKind.VAULT)) == "token_pin_refused"
    write_private(wrapped, whole.encode(), replace=True)
    assert read_key(tmp_path / "a.key", KeyKind.VAULT) == SECRET


def test_another_token_with_a_key_of_that_label_opens_nothing(
    wrapped: Path, where: TokenKey, tmp_path: Path
) -> None:
    wrap_passphrase(tmp_path / "other", replace(where, token=OTHER))
    edited(wrapped, 'token = "hub-1"', 'token = "hub-2"')
    assert refusal(passphrase) == "passphrase_wrap_invalid"


def test_another_key_of_the_token_opens_nothing(wrapped: Path, where: TokenKey, tmp_path: Path) -> None:
    wrap_passphrase(tmp_path / "other", replace(where, label="another"))
    edited(wrapped, where.label, "another")
    assert refusal(passphrase) == "passphrase_wrap_invalid"


def test_a_wrap_that_is_damaged_anywhere_opens_nothing(wrapped: Path) -> None:
    head, _, packed = wrapped.read_text().rpartition("wrapped = ")
    good = base64.b64decode(packed.strip().strip('"'))
    for at in range(len(good)):
        bad = bytearray(good)
        bad[at] ^= 1
        text = f'{head}wrapped = "{base64.b64encode(bad).decode()}"\n'
        write_private(wrapped, text.encode(), replace=True)
        assert refusal(passphrase) == "passphrase_wrap_invalid"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("wrapped = ", "sealed = "),
        ("wrapped = ", 'more = "x"\nwrapped = '),
        ('wrapped = "', 'wrapped = "!'),
        ("wrapped = ", "wrapped = 7\n#"),
        ("wrapped = ", 'wrapped = "AAAA"\n#'),
        ('token = "hub-1"', "token = 7"),
        ("pin_file = ", "pin_file = 7\n#"),
        ("module = ", "module = ["),
    ],
)
def test_other_forms_are_refused(wrapped: Path, old: str, new: str) -> None:
    edited(wrapped, old, new)
    assert refusal(passphrase) == "passphrase_wrap_invalid"


def test_a_key_file_that_was_moved_opens_nowhere_else(
    wrapped: Path, where: TokenKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_key(tmp_path / "a.key", KeyKind.PEPPER, SECRET)
    elsewhere = tmp_path / "elsewhere"
    wrap_passphrase(elsewhere, replace(where, token=OTHER))
    use(monkeypatch, elsewhere)
    assert refusal(lambda: read_key(tmp_path / "a.key", KeyKind.PEPPER)) == "passphrase_wrong"
    monkeypatch.delenv("PASSERELLE_PASSPHRASE_FILE")
    assert refusal(lambda: read_key(tmp_path / "a.key", KeyKind.PEPPER)) == "passphrase_missing"


def test_it_may_be_a_credential_with_its_pin_beside_it(
    where: TokenKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_private(tmp_path / "passerelle-token-pin", b"1234")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert passphrase() == ""
    wrap_passphrase(tmp_path / "passerelle-passphrase", replace(where, pin_file=None))
    assert len(passphrase()) == 43


def test_threads_ask_the_token_one_after_the_other(wrapped: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: passphrase(), range(64)))) == 1


# ---------------------------------------------------------------- commands


def test_the_command_writes_once_and_shows_no_secret(
    where: TokenKey, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run() -> None:
        token_passphrase(
            tmp_path / "p", module=MODULE, device=TOKEN, label=where.label, pin_file=where.pin_file
        )

    run()
    shown = capsys.readouterr().out
    assert "seal-keys" in shown and read_passphrase(tmp_path / "p") not in shown
    assert refusal(run) == "key_file_exists"


def test_sealed_and_open_keys_go_over_to_the_token(
    where: TokenKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before, file = tmp_path / "before", tmp_path / "passphrase"
    key, leaf, clear = tmp_path / "a.key", tmp_path / "leaf.pem", tmp_path / "b.key"
    write_key(clear, KeyKind.LOCAL, SECRET)
    write_private(before, b"correct horse\n")
    use(monkeypatch, before)
    write_key(key, KeyKind.SEALING, SECRET)
    write_private(leaf, stored_pem(new_key()))
    wrap_passphrase(file, where)
    use(monkeypatch, file)
    was = key.read_bytes()
    write_private(tmp_path / "wrong", b"another")
    for one in (key, leaf):
        assert refusal(partial(seal_keys, one, sealed_by=tmp_path / "wrong")) == "passphrase_wrong"
    assert key.read_bytes() == was
    seal_keys(key, leaf)  # without the old passphrase what is sealed stays as it is
    assert key.read_bytes() == was
    capsys.readouterr()
    for said in ("sealed", "was sealed before"):
        seal_keys(key, leaf, clear, sealed_by=before)
        assert [line.partition(": ")[2] for line in capsys.readouterr().out.splitlines()] == [said] * 3
    assert read_key(key, KeyKind.SEALING) == read_key(clear, KeyKind.LOCAL) == SECRET
    load_key(read_private(leaf))
    edited(file, 'token = "hub-1"', 'token = "absent"')
    for one in (key, leaf):  # whether it goes over already cannot be told without the token
        assert refusal(partial(seal_keys, one, sealed_by=before)) == "token_unavailable"


def test_a_second_token_is_a_spare(
    wrapped: Path, where: TokenKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_key(tmp_path / "a.key", KeyKind.SIGNING, SECRET)
    spare = tmp_path / "spare"
    token_passphrase(
        spare, module=MODULE, device=OTHER, label=where.label, pin_file=where.pin_file, present=True
    )
    use(monkeypatch, spare)
    assert read_key(tmp_path / "a.key", KeyKind.SIGNING) == SECRET
    monkeypatch.delenv("PASSERELLE_PASSPHRASE_FILE")
    assert (
        refusal(lambda: token_passphrase(tmp_path / "x", module=MODULE, device=OTHER, present=True))
        == "passphrase_missing"
    )
