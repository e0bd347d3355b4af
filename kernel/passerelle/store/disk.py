"""A disk that failed to write or to synchronise is not asked again by the same process.

After a failed `fsync` the operating system may call the lost pages clean: the next one succeeds and says
nothing of what is missing. An orderly end would synchronise once more, at closing. So the process ends at
once, without cleaning up and with status 74 (`EX_IOERR`), as PostgreSQL does; whoever starts it again
recovers from what is truly on disk. A full disk is no such failure: the transaction is undone, and the next
may succeed.
"""

from __future__ import annotations

import os
import sqlite3
from typing import Final

from passerelle.log import get_logger

_LOG: Final = get_logger("store")
_FATAL: Final = frozenset(
    {
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_FSYNC,
        sqlite3.SQLITE_IOERR_DIR_FSYNC,
        sqlite3.SQLITE_IOERR_TRUNCATE,
    }
)


def stop_if_failed(error: BaseException | None) -> None:
    """End the process where the error says that the disk failed a write."""
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", None) in _FATAL:
        _LOG.critical("disk.failed", detail=error.sqlite_errorname)
        os._exit(os.EX_IOERR)
