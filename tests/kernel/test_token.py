"""Sessions with a token (SoftHSM): PINs, what is not there, and logins that do not disturb each other."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from token_kit import PIN, Tokens

from passerelle.errors import PasserelleError
from passerelle.keyfile import write_private
from passerelle.token import TokenKey, binding, keep_session, session_of


def refusal(where: TokenKey) -> tuple[str, str]:
    with pytest.raises(PasserelleError) as caught, session_of(where):
        pass
    return caught.value.code, caught.value.detail


def test_a_wrong_pin_is_refused_and_tried_once(tokens: Tokens, tmp_path: Path) -> None:
    write_private(tmp_path / "pin", b"4321")
    wrong = replace(tokens.key("any"), pin_file=tmp_path / "pin")
    assert refusal(wrong) == ("token_pin_refused", "hub-1: PinIncorrect")
    for _ in range(9):  # no token locks by what a service does by itself
        assert refusal(wrong) == ("token_pin_refused", "hub-1: refused before, not tried again")
    with session_of(tokens.key("any")):
        pass


def test_a_pin_that_is_missing_or_open_to_others_is_refused(tokens: Tokens, tmp_path: Path) -> None:
    where = replace(tokens.key("any"), pin_file=tmp_path / "pin")
    assert refusal(where)[0] == "key_file_missing"
    write_private(tmp_path / "pin", b"1234")
    (tmp_path / "pin").chmod(0o640)
    assert refusal(where)[0] == "key_file_permissions"
    assert refusal(replace(where, pin_file=None))[0] == "secret_missing"


def test_the_pin_may_be_a_credential(tokens: Tokens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_private(tmp_path / "passerelle-token-pin", b"1234\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with session_of(replace(tokens.key("any"), pin_file=None)):
        pass


def test_a_token_or_module_that_is_not_there_is_named(tokens: Tokens, tmp_path: Path) -> None:
    where = tokens.key("any")
    assert refusal(tokens.key("any", on="absent")) == ("token_unavailable", "absent: NoSuchToken")
    assert refusal(replace(where, module=tmp_path / "no.so"))[0] == "token_unavailable"


def test_without_the_binding_it_is_said(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    code, detail = refusal(tokens.key("any"))
    assert code == "token_unavailable" and "passerelle-kernel[pkcs11]" in detail


def test_what_the_token_refuses_inside_is_coded(tokens: Tokens) -> None:
    with (
        pytest.raises(PasserelleError, match="token_unavailable"),
        session_of(tokens.key("absent")) as session,
    ):
        session.get_key(label="absent")


def test_a_session_that_is_kept_outlives_others(tokens: Tokens) -> None:
    where = tokens.key("any", on="kept-1")  # nobody else in this process keeps a session of it
    kept = keep_session(where)
    for _ in range(2):
        with session_of(where, write=True) as session:
            assert session.user_type != kept.user_type  # it did not log in, and will not log out
    assert len(kept.generate_random(64)) == 8


def test_a_login_made_elsewhere_in_the_process_is_used(tokens: Tokens) -> None:
    where = tokens.key("any", on="hub-2")
    own = binding().lib(str(where.module)).get_token(token_label=where.token).open(user_pin=PIN)
    try:
        with session_of(where) as session:
            assert session.user_type != own.user_type
    finally:
        own.close()
