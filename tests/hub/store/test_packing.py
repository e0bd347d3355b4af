"""What COPY packs is what psycopg itself would pack, object by object."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from psycopg import postgres
from psycopg.adapt import PyFormat, Transformer

from passerelle_hub.store.packing import MarksDumper


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=60))
def test_packed_marks_are_an_array_of_uuid(marks: list[bytes]) -> None:
    uuids = [UUID(bytes=mark) for mark in marks]
    theirs = Transformer().get_dumper(uuids, PyFormat.BINARY)
    ours = MarksDumper(bytes).dump(b"".join(marks))
    if marks:
        assert theirs.upgrade(uuids, PyFormat.BINARY).dump(uuids) == ours
    else:  # without an element psycopg cannot tell the type
        assert ours == (0).to_bytes(8, "big") + postgres.types["uuid"].oid.to_bytes(4, "big")
    assert MarksDumper.oid == postgres.types["uuid"].array_oid
