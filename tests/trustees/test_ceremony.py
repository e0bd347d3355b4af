"""The development ceremony: complete, private, loud, never over something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.oprf.pinned import Ceremony, GroupKeys
from passerelle_trustee.ceremony import (
    GROUP_KEYS,
    NOTE,
    WARNING,
    DevelopmentKeys,
    deal_for_development,
    write_for_development,
)
from passerelle_trustee.share import load_shares


def test_everything_is_written_and_reads_back(tmp_path: Path, dealt: DevelopmentKeys) -> None:
    *shares, pinned = write_for_development(dealt, tmp_path / "ceremony")
    assert [load_shares(file) for file in shares] == list(dealt.books)
    assert [file.parent.stat().st_mode & 0o777 for file in shares] == [0o700] * 3
    assert pinned.name == GROUP_KEYS
    assert GroupKeys.from_json(pinned.read_text("utf-8")) == dealt.keys


def test_it_says_what_it_is(
    tmp_path: Path, dealt: DevelopmentKeys, capsys: pytest.CaptureFixture[str]
) -> None:
    write_for_development(dealt, tmp_path)
    printed = capsys.readouterr()
    assert WARNING in printed.out + printed.err
    assert WARNING in (tmp_path / NOTE).read_text("utf-8")
    assert dealt.keys.ceremony is Ceremony.DEVELOPMENT
    assert all(book.ceremony is Ceremony.DEVELOPMENT for book in dealt.books)


def test_the_public_document_holds_no_share(tmp_path: Path, dealt: DevelopmentKeys) -> None:
    write_for_development(dealt, tmp_path)
    document = (tmp_path / GROUP_KEYS).read_text("utf-8")
    assert not any(share.secret.hex() in document for book in dealt.books for share in book.shares)


def test_nothing_is_overwritten(tmp_path: Path, dealt: DevelopmentKeys) -> None:
    write_for_development(dealt, tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with pytest.raises(PasserelleError, match="key_file_exists"):
        write_for_development(deal_for_development(["demo"], groups=(Group.PHONE,)), tmp_path)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_a_ceremony_that_broke_off_has_no_public_document(tmp_path: Path, dealt: DevelopmentKeys) -> None:
    (tmp_path / "trustee-3").mkdir()
    (tmp_path / "trustee-3" / "shares.json").touch()
    with pytest.raises(PasserelleError, match="key_file_exists"):
        write_for_development(dealt, tmp_path)
    assert not (tmp_path / GROUP_KEYS).exists()


def test_every_group_domain_and_epoch_has_a_key_of_its_own() -> None:
    keys = deal_for_development(["a", "b"], (1, 2), groups=(Group.PHONE, Group.WALLET)).keys.keys
    assert len({key.public_key for key in keys}) == len(keys) == 8
    assert {key.group for key in deal_for_development(["a"]).keys.keys} == set(Group)


def test_thresholds_out_of_range_are_refused() -> None:
    with pytest.raises(PasserelleError, match="group_key_invalid"):
        deal_for_development(["a"], trustees=3, threshold=1, groups=(Group.PHONE,))
