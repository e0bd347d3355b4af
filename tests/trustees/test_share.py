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
