"""Parquet files of the source `folder`, through pyarrow: the extra `passerelle-connector[parquet]`.

Only the mapped columns are read, in parts of `_AT_ONCE` rows. Memory: what pyarrow decodes of one row
group, so a file of one large group costs its size.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from passerelle.errors import PasserelleError
from passerelle_connector.sources.rows import check_columns, plain

_AT_ONCE: Final = 1_000


def parquet_rows(file: Path, columns: frozenset[str]) -> Iterator[dict[str, Any]]:
    """The rows of a file, with the top-level columns that mapped names or dotted paths begin with.

    Raises:
        PasserelleError: `source_reader_missing`; `source_column_unknown` and `source_column_twice`, the
            detail names the column; `source_unreadable`, which may come after the first rows.
    """
    try:
        import pyarrow  # noqa: PLC0415 - an extra, and slow to load
        import pyarrow.parquet  # noqa: PLC0415 - as above
    except ImportError as error:
        raise PasserelleError("source_reader_missing", "pyarrow") from error
    try:
        with pyarrow.parquet.ParquetFile(file) as opened:
            present = opened.schema_arrow.names
            wanted = {name if name in present else name.partition(".")[0] for name in columns}
            check_columns(present, wanted)
            for part in opened.iter_batches(_AT_ONCE, columns=sorted(wanted), use_threads=False):
                yield from ({name: plain(value) for name, value in row.items()} for row in part.to_pylist())
    except (pyarrow.ArrowException, OSError) as error:
        raise PasserelleError("source_unreadable", type(error).__name__) from error
