"""Types of columns that the two databases keep differently: marks of the token index.

Both go in and out as bytes. PostgreSQL keeps a mark as `uuid`, which its hash index takes at twice the speed
of `bytea`, and a record's marks as an array of them, which a statement takes apart at a fifth of the cost of
cutting bytes.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Dialect, LargeBinary, TypeDecorator, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import TypeEngine

from passerelle_hub.index import MARK_BYTES


class Mark(TypeDecorator[bytes]):
    """16 bytes; on PostgreSQL a `uuid`."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The column's type."""
        other = LargeBinary(MARK_BYTES) if dialect.name == "sqlite" else Uuid(as_uuid=True)
        return dialect.type_descriptor(other)

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> Any:
        """Into the database."""
        return value if value is None or dialect.name == "sqlite" else UUID(bytes=value)

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:  # noqa: ARG002 - SQLAlchemy's
        """Out of it."""
        return value.bytes if isinstance(value, UUID) else value


class Marks(TypeDecorator[bytes]):
    """Marks one behind the other; on PostgreSQL an array of `uuid`, which the server packs when asked."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The column's type."""
        other = LargeBinary() if dialect.name == "sqlite" else ARRAY(Uuid(as_uuid=True))
        return dialect.type_descriptor(other)

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> Any:
        """Into the database."""
        if value is None or dialect.name == "sqlite":
            return value
        return [UUID(bytes=value[at : at + MARK_BYTES]) for at in range(0, len(value), MARK_BYTES)]

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Out of it, past SQLAlchemy's conversions as well."""
        return _Packed(column)


class _Packed(GenericFunction[bytes]):
    """The bytes of marks as their column keeps them."""

    type = LargeBinary()
    inherit_cache = True


@compiles(_Packed)
def _packed(element: _Packed, compiler: SQLCompiler, **how: Any) -> str:
    (column,) = element.clauses
    kept = compiler.process(column, **how)
    if compiler.dialect.name == "sqlite":
        return kept
    return f"decode(replace(array_to_string({kept}, ''), '-', ''), 'hex')"
