"""How COPY packs what psycopg would build object by object. Imported for PostgreSQL only."""

from __future__ import annotations

import struct
from functools import cache
from typing import Any, Final

from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg.types.string import BytesBinaryDumper

from passerelle_hub.index import MARK_BYTES

_UUID: Final = 2950
_UUIDS: Final = 2951
_LENGTH: Final = MARK_BYTES.to_bytes(4, "big")
_NONE: Final = struct.pack(">iii", 0, 0, _UUID)


class MarksDumper(Dumper):
    """Packed marks as an array of `uuid` on the wire: a head, and each element behind its length."""

    format = Format.BINARY
    oid = _UUIDS

    def dump(self, obj: bytes) -> bytes:
        """Of so many whole marks as `obj` holds."""
        if not obj:
            return _NONE
        head, cut = _shape(len(obj) // MARK_BYTES)
        return head + _LENGTH.join(cut.unpack(obj))


@cache
def _shape(count: int) -> tuple[bytes, struct.Struct]:
    """What arrays of one length have in common, up to the length of the first element."""
    return struct.pack(">iiiii", 1, 0, _UUID, count, 1) + _LENGTH, struct.Struct(f"{MARK_BYTES}s" * count)


def fast(connection: Any) -> None:
    """Teach a connection of psycopg's.

    For a column of type `bytea` COPY takes what was registered last for it: a wrapper's dumper, written in
    Python, which costs a third of all that storing a batch's rows does. psycopg's compiled one is as good.
    """
    connection.adapters.register_dumper(bytes, BytesBinaryDumper)
    connection.adapters.register_dumper(None, MarksDumper)
