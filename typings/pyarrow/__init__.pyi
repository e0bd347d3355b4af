# What the source `folder` and its tests use of pyarrow, which comes without types.
from collections.abc import Mapping, Sequence
from typing import Any

class ArrowException(Exception): ...

class Schema:
    names: list[str]

class RecordBatch:
    def to_pylist(self) -> list[dict[str, Any]]: ...

class Table:
    column_names: list[str]
    def rename_columns(self, names: Sequence[str]) -> Table: ...

def table(data: Mapping[str, Sequence[Any]]) -> Table: ...
