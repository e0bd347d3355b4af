# What the source `folder` uses of pyarrow, which comes without types.
from collections.abc import Mapping, Sequence
from typing import Any

class ArrowException(Exception): ...

class Schema:
    names: list[str]

class RecordBatch:
    def to_pylist(self) -> list[dict[str, Any]]: ...

class Table: ...

def table(data: Mapping[str, Sequence[Any]]) -> Table: ...
