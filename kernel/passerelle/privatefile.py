"""Private files: readable by their owner only, written once or replaced whole.

Rules
-----
1. A file that group or others may touch, that another user owns, or that is no regular file, is refused. The
   check is made on the opened file, so nobody can swap it between check and reading. A systemd credential
   (a file directly below `$CREDENTIALS_DIRECTORY`, which systemd shows to one service alone) may belong to
   root and show an access list as rights of its group.
2. A new file appears under its name with all its content on disk, or not at all: it is written beside its
   place, synchronised, linked or renamed, and the folder is synchronised.
3. An existing file is never overwritten unless the caller says `replace`.
4. A folder made for such files is on disk, by its name in the folder above, before anything is put into it: a
   power cut takes a folder without a name away with all that was synchronised inside.
5. What is removed for good stays removed after a power cut: the folder is synchronised.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from passerelle.errors import PasserelleError

CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"
MAX_BYTES: Final = 64 * 1024
_GROUP_AND_OTHERS: Final = 0o077
_OTHERS: Final = 0o007


def read_private(path: Path, limit: int = MAX_BYTES) -> bytes:
    """The content of a private file of at most `limit` bytes.

    Raises:
        PasserelleError: `key_file_missing`, `key_file_permissions`, `key_file_malformed` (longer than that).
    """
    try:
        handle = os.open(
            path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
        )  # a pipe must not hold the start up
    except OSError as error:
        raise PasserelleError("key_file_missing", f"{path.name}: {error.strerror}") from error
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode) or not _closed(path, facts):
            raise PasserelleError("key_file_permissions", f"{path.name}: {stat.filemode(facts.st_mode)}")
        with os.fdopen(handle, "rb", closefd=False) as file:
            content = file.read(limit + 1)
    finally:
        os.close(handle)
    if len(content) > limit:
        raise PasserelleError("key_file_malformed", f"{path.name}: longer than {limit} bytes")
    return content


def write_private(path: Path, content: bytes, *, replace: bool = False) -> None:
    """Write a private file, mode 0600; see `write_durably`."""
    write_durably(path, content, mode=0o600, replace=replace)


def write_durably(path: Path, content: bytes, *, mode: int, replace: bool = False) -> None:
    """Write a file that belongs to keys, whole and on disk (rules 2 and 3).

    Raises:
        PasserelleError: `key_file_exists`.
        OSError: the folder is missing, full or read-only; nothing is left behind.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            draft.replace(path)
        else:
            path.hardlink_to(draft)  # unlike a rename, a link never takes another file's place
    except FileExistsError as error:
        raise PasserelleError("key_file_exists", path.name) from error
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def _closed(path: Path, facts: os.stat_result) -> bool:
    credentials = os.environ.get(CREDENTIALS)
    if credentials and path.parent == Path(credentials):
        return not facts.st_mode & _OTHERS and facts.st_uid in {0, os.geteuid()}
    return not facts.st_mode & _GROUP_AND_OTHERS and facts.st_uid == os.geteuid()


def make_folder(folder: Path, mode: int = 0o700) -> None:
    """Make a folder, and those above it that are missing, durably (rule 4); one that is there keeps its mode.

    Its name is synchronised even where it is there: whoever made it may have died before that.
    """
    above = folder.absolute().parent
    if not above.is_dir():
        make_folder(above, mode)
    folder.mkdir(mode=mode, exist_ok=True)
    sync_folder(above)


def remove_durably(path: Path) -> None:
    """Remove a file, if it is there, for good (rule 5)."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
