"""Sealed files: whole, growing, cut, changed, of another writer, for another reader."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from passerelle.errors import PasserelleError
from passerelle.seal import SealingKey
from passerelle.sealed_file import MAX_PIECE_BYTES, FileHead, SealedWriter, open_file
from passerelle.sign import SigningKey

WRITER, READER = SigningKey.generate(), SealingKey.generate()
HEAD = FileHead("copy", "spiffe://hub.example/hub/ocam", 7, {"number": 3})
PIECES = (b"one", b"", b"three" * 100)


def written(*, last: bool = True, head: FileHead = HEAD) -> bytes:
    file = io.BytesIO()
    writer = SealedWriter(file, head, WRITER, READER.public)
    for at, piece in enumerate(PIECES):
        writer.write(piece, last=last and at == len(PIECES) - 1)
    return file.getvalue()


def read(content: bytes, *, growing: bool = False) -> tuple[bytes, ...]:
    opened = open_file(io.BytesIO(content), WRITER.public, READER)
    assert opened.head == HEAD
    return tuple(opened.pieces(growing=growing))


def code(act: Callable[[], object]) -> str:
    with pytest.raises(PasserelleError) as caught:
        act()
    return caught.value.code


def test_what_was_written_is_read() -> None:
    assert read(written()) == PIECES
    assert read(written(), growing=True) == PIECES
    assert read(written(last=False), growing=True) == PIECES


def test_two_files_of_one_content_share_nothing() -> None:
    assert written()[-50:] != written()[-50:]


def test_a_file_that_was_not_closed_is_truncated_unless_it_may_grow() -> None:
    assert code(lambda: read(written(last=False))) == "backup_truncated"


def test_a_cut_at_any_place_is_seen_and_a_growing_file_ends_before_it() -> None:
    whole = written()
    pieces_from = len(whole) - sum(5 + 16 + len(piece) for piece in PIECES)
    for end in range(pieces_from, len(whole)):
        assert code(lambda end=end: read(whole[:end])) == "backup_truncated"  # type: ignore[misc]
        assert len(read(whole[:end], growing=True)) < len(PIECES)
    for end in (len(b"passerelle-sealed/1\n"), len(b"passerelle-sealed/1\n") + 2, 100, pieces_from - 1, 0, 5):
        assert code(lambda end=end: read(whole[:end])) == "backup_truncated"  # type: ignore[misc]


def test_a_changed_bit_in_a_piece_is_seen() -> None:
    whole = bytearray(written())
    whole[-1] ^= 1
    assert code(lambda: read(bytes(whole))) == "backup_altered"
    assert code(lambda: read(bytes(whole), growing=True)) == "backup_altered"


def test_pieces_cannot_be_left_out_moved_or_called_the_last() -> None:
    whole = written()
    sizes = [5 + 16 + len(piece) for piece in PIECES]
    start = len(whole) - sum(sizes)
    second = start + sizes[0]
    assert code(lambda: read(whole[:start] + whole[second:])) == "backup_altered"
    called_last = bytearray(whole)
    called_last[start + 4] = 1
    assert code(lambda: read(bytes(called_last))) == "backup_altered"


@pytest.mark.parametrize("growing", [False, True])
def test_a_piece_of_a_size_that_nobody_writes_is_refused(growing: bool) -> None:
    content = written(last=False) + (MAX_PIECE_BYTES + 1).to_bytes(4, "big") + b"\x00"
    assert code(lambda: read(content, growing=growing)) == "backup_truncated"


def test_another_format_writer_or_reader_is_refused() -> None:
    whole = written()
    assert code(lambda: read(b"SQLite format 3\x00" + whole)) == "backup_malformed"
    other = SigningKey.generate().public
    assert code(lambda: open_file(io.BytesIO(whole), other, READER)) == "backup_malformed"
    stranger = SealingKey.generate()
    assert code(lambda: open_file(io.BytesIO(whole), WRITER.public, stranger)) == "backup_key_wrong"


def test_a_wrapped_key_that_does_not_open_is_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: object) -> bytes:
        return bytes(1_200)

    monkeypatch.setattr("passerelle.sealed_file.seal", nothing)
    assert code(lambda: read(written())) == "backup_key_wrong"
