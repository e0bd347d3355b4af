"""Errors about files name the file: entries of a folder, the registry's key, what is read inside `naming`."""

from __future__ import annotations

from pathlib import Path

import pytest
from connector_kit import Cast, make_cast
from parties import HUB

from passerelle.codec.signed import encode_signed
from passerelle.entry_files import entry_files, naming, read_registry_key, unreadable
from passerelle.errors import PasserelleError
from passerelle.sign import SigningKey


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


def refusal(error: pytest.ExceptionInfo[PasserelleError]) -> tuple[str, str]:
    return error.value.code, error.value.detail


def test_entries_are_those_of_the_suffix_in_order_of_names(tmp_path: Path, cast: Cast) -> None:
    raw = encode_signed(cast.hub.entry(cast.registry, cast.root))
    for name in ("b.entry", "a.entry"):
        (tmp_path / name).write_bytes(raw)
    (tmp_path / "README").write_text("not one")
    found = entry_files(tmp_path)
    assert [one.path.name for one in found] == ["a.entry", "b.entry"]
    assert found[0].verified(cast.registry.public).agency == HUB.agency


def test_a_damaged_or_foreign_entry_is_named_and_not_quoted(tmp_path: Path, cast: Cast) -> None:
    (tmp_path / "police.entry").write_bytes(b"\xffsecret words")
    with pytest.raises(PasserelleError) as caught:
        entry_files(tmp_path)
    code, detail = refusal(caught)
    assert code == "entry_file_invalid" and detail.startswith("police.entry: message_malformed")
    assert "secret" not in detail
    (tmp_path / "police.entry").write_bytes(encode_signed(cast.hub.entry(cast.registry, cast.root)))
    with pytest.raises(PasserelleError) as caught:
        entry_files(tmp_path)[0].verified(SigningKey.generate().public)
    code, detail = refusal(caught)
    assert code == "entry_file_invalid" and detail.startswith("police.entry: signature_wrong_key")


def test_the_registrys_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "registry.pub").write_bytes(b"short")
    with pytest.raises(PasserelleError) as caught:
        read_registry_key(tmp_path / "registry.pub")
    assert refusal(caught) == ("key_malformed", "registry.pub: verifying key of 5 bytes")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file") as missing:
        read_registry_key(tmp_path / "registry.pub")
    assert unreadable(missing.value).detail == f"{tmp_path}/registry.pub: No such file or directory"


def test_what_holds_passes(tmp_path: Path) -> None:
    with naming(tmp_path):
        pass
