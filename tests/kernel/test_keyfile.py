"""Private key files: modes, faults, kinds."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from passerelle.errors import PasserelleError
from passerelle.keyfile import (
    MAX_BYTES,
    KeyKind,
    obtain_secret,
    read_key,
    read_private,
    write_durably,
    write_key,
    write_private,
)


def test_a_key_survives_the_file(tmp_path: Path) -> None:
    path = tmp_path / "signing.key"
    write_key(path, KeyKind.SIGNING, b"\x00secret\xff")
    assert read_key(path, KeyKind.SIGNING) == b"\x00secret\xff"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [item.name for item in tmp_path.iterdir()] == ["signing.key"]


def test_the_mode_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_private(tmp_path / "key", b"secret")
    finally:
        os.umask(before)
    assert read_private(tmp_path / "key") == b"secret"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o601, 0o644, 0o777])
def test_looser_modes_are_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    write_private(path, b"secret")
    path.chmod(mode)
    with pytest.raises(PasserelleError) as error:
        read_private(path)
    assert error.value.code == "key_file_permissions"
    assert "secret" not in error.value.detail


def test_a_stricter_mode_is_fine(tmp_path: Path) -> None:
    write_private(tmp_path / "key", b"secret")
    (tmp_path / "key").chmod(0o400)
    assert read_private(tmp_path / "key") == b"secret"


def test_a_pipe_or_folder_is_no_key_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(0o700)
    for name in ("pipe", "folder"):
        with pytest.raises(PasserelleError) as error:
            read_private(tmp_path / name)
        assert error.value.code == "key_file_permissions"


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(PasserelleError) as error:
        read_private(tmp_path / "none")
    assert error.value.code == "key_file_missing"


def test_a_key_is_never_overwritten_by_accident(tmp_path: Path) -> None:
    path = tmp_path / "key"
    write_private(path, b"first")
    with pytest.raises(PasserelleError) as error:
        write_private(path, b"second")
    assert error.value.code == "key_file_exists"
    assert read_private(path) == b"first"
    write_private(path, b"second", replace=True)
    assert read_private(path) == b"second"
    assert [item.name for item in tmp_path.iterdir()] == ["key"]


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    with pytest.raises(OSError, match="directory"):
        write_private(target, b"secret", replace=True)
    with pytest.raises(FileNotFoundError):
        write_private(tmp_path / "none" / "key", b"secret")
    assert [item.name for item in tmp_path.iterdir()] == ["folder"]


def test_one_kind_is_not_taken_for_another(tmp_path: Path) -> None:
    write_key(tmp_path / "key", KeyKind.SEALING, bytes(96))
    with pytest.raises(PasserelleError) as error:
        read_key(tmp_path / "key", KeyKind.SIGNING)
    assert error.value.code == "key_file_malformed"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"passerelle-key vault/1\n",
        b"passerelle-key vault/1\n!!!!\n",
        b"passerelle-key vault/1\nAAAA",
        b"passerelle-key vault/1\nAAAA\nmore",
        b"passerelle-key vault/1\nAAAA\n\n",
        b"passerelle-key vault/2\nAAAA\n",
        b"\xff\xfe\n\n",
    ],
)
def test_other_content_is_refused(tmp_path: Path, content: bytes) -> None:
    write_private(tmp_path / "key", content)
    with pytest.raises(PasserelleError) as error:
        read_key(tmp_path / "key", KeyKind.VAULT)
    assert error.value.code == "key_file_malformed"


def test_a_public_file_is_written_as_safely(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_durably(tmp_path / "public", b"all may read", mode=0o644)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "public").stat().st_mode) == 0o644
    with pytest.raises(PasserelleError, match="key_file_exists"):
        write_durably(tmp_path / "public", b"other", mode=0o644)


def test_a_huge_file_is_no_key(tmp_path: Path) -> None:
    write_private(tmp_path / "key", bytes(MAX_BYTES + 1))
    assert len(read_private(tmp_path / "key", MAX_BYTES + 1)) == MAX_BYTES + 1
    with pytest.raises(PasserelleError) as error:
        read_private(tmp_path / "key")
    assert error.value.code == "key_file_malformed"


def test_a_secret_is_made_once_and_read_from_then_on(tmp_path: Path) -> None:
    made = iter((b"first", b"second"))
    file = tmp_path / "some.key"
    assert obtain_secret(file, KeyKind.LOCAL, lambda: next(made)) == b"first"
    assert obtain_secret(file, KeyKind.LOCAL, lambda: next(made)) == b"first"
