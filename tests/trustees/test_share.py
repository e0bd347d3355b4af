"""Share files: private or refused, whole or refused, never overwritten."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.keyfile import MAX_BYTES, write_private
from passerelle.oprf.group import ristretto255
from passerelle.oprf.keys import deal
from passerelle.oprf.pinned import Ceremony
from passerelle.seal_keys import seal_keys
from passerelle_trustee.ceremony import DevelopmentKeys
from passerelle_trustee.share import ShareBook, load_shares, write_shares


@pytest.fixture
def file(tmp_path: Path, dealt: DevelopmentKeys) -> Path:
    path = tmp_path / "shares.json"
    write_shares(path, dealt.books[0])
    return path


def test_a_file_reads_back(file: Path, dealt: DevelopmentKeys) -> None:
    assert load_shares(file) == dealt.books[0]
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o644])
def test_a_file_that_others_may_use_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(PasserelleError, match="key_file_permissions"):
        load_shares(file)


def test_a_file_of_another_user_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: file.stat().st_uid + 1)
    with pytest.raises(PasserelleError, match="key_file_permissions"):
        load_shares(file)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PasserelleError, match="key_file_missing"):
        load_shares(tmp_path / "none.json")


def test_a_file_is_not_overwritten(file: Path, dealt: DevelopmentKeys) -> None:
    before = file.read_bytes()
    with pytest.raises(PasserelleError, match="key_file_exists"):
        write_shares(file, dealt.books[1])
    assert file.read_bytes() == before


def test_a_file_that_fails_to_reach_the_disk_is_removed(
    tmp_path: Path, dealt: DevelopmentKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError("no space")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_shares(tmp_path / "shares.json", dealt.books[0])
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def phrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process with a passphrase."""
    write_private(tmp_path / "phrase", b"correct horse\n")
    monkeypatch.setenv("PASSERELLE_PASSPHRASE_FILE", str(tmp_path / "phrase"))


def test_shares_are_sealed_where_a_passphrase_is_there(
    tmp_path: Path, dealt: DevelopmentKeys, phrase: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = tmp_path / "sealed.json"
    write_shares(sealed, dealt.books[0])
    assert sealed.read_bytes().startswith(b"passerelle-key-sealed shares/1\n")
    assert load_shares(sealed) == dealt.books[0]
    monkeypatch.delenv("PASSERELLE_PASSPHRASE_FILE")
    with pytest.raises(PasserelleError, match="passphrase_missing"):
        load_shares(sealed)


def test_shares_that_lie_open_are_sealed_and_keep_their_time(
    file: Path, dealt: DevelopmentKeys, phrase: None
) -> None:
    assert load_shares(file) == dealt.books[0]
    os.utime(file, ns=(10**18, 10**18))
    for _ in range(2):
        seal_keys(file)
        assert file.read_bytes().startswith(b"passerelle-key-sealed shares/1\n")
        assert load_shares(file) == dealt.books[0]
        assert file.stat().st_mtime_ns == 10**18


def test_no_other_document_is_sealed(tmp_path: Path, phrase: None) -> None:
    write_private(tmp_path / "group-keys.json", b"{}")
    with pytest.raises(PasserelleError, match="key_file_malformed"):
        seal_keys(tmp_path / "group-keys.json")


def test_shares_of_many_domains_fit_when_sealed(tmp_path: Path, phrase: None) -> None:
    groups = ristretto255().random_scalars(2)
    infos = [deal(f"d{at}", Group.PHONE, 1, 1, 2, groups, 3) for at in range(200)]
    book = ShareBook(Ceremony.DEVELOPMENT, 1, tuple(one.shares[0] for one in infos))
    write_shares(tmp_path / "many.json", book)
    assert (tmp_path / "many.json").stat().st_size > MAX_BYTES
    assert load_shares(tmp_path / "many.json") == book


def _spoiled(good: dict[str, Any]) -> dict[str, str]:
    first, second = good["shares"]
    changes: dict[str, dict[str, Any]] = {
        "format": {"format": "other"},
        "ceremony": {"ceremony": "seance"},
        "another trustee": {"index": 2},
        "no list": {"shares": {}},
        "twice": {"shares": [first, first]},
        "swapped secrets": {"shares": [{**first, "secret": second["secret"]}]},
        "no secret": {"shares": [{"key": first["key"]}]},
        "no hexadecimal": {"shares": [{**first, "secret": "secret"}]},
        "inconsistent key": {
            "shares": [{**first, "key": {**first["key"], "public_key": second["key"]["public_key"]}}]
        },
    }
    return {name: json.dumps({**good, **change}) for name, change in changes.items()} | {"no JSON": "{"}


def test_spoiled_files_are_refused_without_a_word_of_their_content(file: Path) -> None:
    good = json.loads(file.read_text("utf-8"))
    for name, content in _spoiled(good).items():
        file.write_text(content, "utf-8")
        with pytest.raises(PasserelleError, match="share_file_invalid") as caught:
            pytest.fail(f"{name}: {load_shares(file)}")
        assert caught.value.__cause__ is None
        assert not any(share["secret"] in caught.value.detail for share in good["shares"])


def test_bytes_that_are_no_text_are_refused(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(PasserelleError, match="share_file_invalid"):
        load_shares(file)


def test_a_book_is_of_one_trustee_and_one_share_a_key(dealt: DevelopmentKeys) -> None:
    book = dealt.books[0]
    for shares in ((dealt.books[1].shares[0],), (book.shares[0], book.shares[0])):
        with pytest.raises(PasserelleError, match="share_file_invalid"):
            replace(book, shares=shares)


def test_a_share_is_found_by_domain_group_and_epoch(dealt: DevelopmentKeys) -> None:
    book: ShareBook = dealt.books[2]
    assert book.find("demo", Group.EMAIL, 1) is book.shares[1]
    with pytest.raises(PasserelleError, match="share_unknown"):
        book.find("demo", Group.EMAIL, 2)
