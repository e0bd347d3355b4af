"""One running process for a store: a lock on a file beside it (ADR 0117).

SQLite lets several processes write in turns. A running hub or connector does not: what it read at its start,
or between two transactions, holds because nobody else works on the same store. Commands beside it, which
look or put something into line, are made for that and take no lock.

The lock is a record lock: it ends with the process however that ends, and a child that outlives a killed
process does not hold it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from passerelle.errors import PasserelleError


@contextmanager
def sole(store: Path) -> Generator[None]:
    """Hold `<store>.lock` for the block. Two blocks of one process do not keep each other out.

    Raises:
        PasserelleError: `already_running`, another process holds it.
        OSError: the folder is missing or read-only.
    """
    file = store.with_name(f"{store.name}.lock")
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PasserelleError("already_running", store.name) from error
        yield
    finally:
        os.close(handle)
