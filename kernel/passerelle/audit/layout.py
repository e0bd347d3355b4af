"""An export of the log as files: who writes them, in which order, and how they are read back.

    about.json           format and the hub's identity
    checkpoint           the newest signed checkpoint with the cosignatures it has
    witnessed            the newest one that witnesses were offered, with theirs; may be missing
    timestamps/          RFC 3161 answers over checkpoints, `<size>.tsr` beside `<size>.note`; may be missing
    tile/...             entries and hashes of the checkpoint's tree (C2SP tlog-tiles)
    nodes/<level>.bin    hashes of the levels between those of the tiles, 32 bytes each
    ticks/<n>.jsonl      what stands in the leaves, `TICKS_A_FILE` to a file, a line each
    tail.jsonl           events that no tick of the checkpoint's tree holds yet, a line each
    rows/<table>.jsonl   what the hub holds, a line a row, in the order that verification needs

A line of `ticks` is `[closed, salt, [event, ...]]`; an event `[kind, happened, subject, vouched, salt, actor,
detail]`, or `[kind, happened, subject, vouched, inner]` where its details were erased. Bytes are hexadecimal.
Everything is read line by line: memory holds one tick, or one batch of rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from passerelle import whole_json
from passerelle.audit.event import Event
from passerelle.errors import PasserelleError

FORMAT: Final = "passerelle-log/1"
TICKS_A_FILE: Final = 3_600
MAX_LINE: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class TickLine:
    """One leaf of the log: when it was closed, its salt (32 bytes), its events in order."""

    number: int
    closed: int
    salt: bytes
    events: tuple[Event, ...]


def ticks_file(number: int) -> str:
    """The file in which a tick stands."""
    return f"ticks/{number // TICKS_A_FILE:09}.jsonl"


def tick_out(closed: int, salt: bytes, events: Sequence[Event]) -> str:
    """A tick as its line."""
    return _line([closed, salt.hex(), [event_out(event) for event in events]])


def event_out(event: Event) -> list[Any]:
    """An event as an item of a line."""
    clear = [event.kind, event.happened, event.subject, event.vouched.hex()]
    if event.erased:
        return [*clear, event.erased.hex()]
    return [*clear, event.salt.hex(), event.actor, event.detail]


def row_out(document: Mapping[str, Any]) -> str:
    """A row as its line."""
    return _line(document)


class Export:
    """Reads an export's files.

    Raises:
        PasserelleError: `export_unreadable`; all methods, for what is not there or not in its form.
    """

    def __init__(self, folder: Path) -> None:
        self.folder: Final = folder
        about = self._json("about.json")
        if about.get("format") != FORMAT or not isinstance(about.get("origin"), str):
            raise PasserelleError("export_unreadable", "about.json: another format")
        self.origin: Final[str] = about["origin"]

    def read(self, name: str) -> bytes:
        """One small file."""
        try:
            return (self.folder / name).read_bytes()
        except OSError as error:
            raise PasserelleError("export_unreadable", f"{name}: {type(error).__name__}") from error

    def open(self, name: str) -> BinaryIO:
        """One large file, to be read from its beginning and closed by the caller."""
        try:
            return (self.folder / name).open("rb")
        except OSError as error:
            raise PasserelleError("export_unreadable", f"{name}: {type(error).__name__}") from error

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        return (self.folder / name).is_file()

    def stamped(self) -> tuple[int, ...]:
        """The sizes of the checkpoints that have a timestamp, in order."""
        try:
            return tuple(sorted(int(path.stem) for path in (self.folder / "timestamps").glob("*.note")))
        except ValueError as error:
            raise PasserelleError("export_unreadable", "timestamps: a name that is no size") from error

    def ticks(self, count: int) -> Iterator[TickLine]:
        """The first `count` ticks, in order."""
        lines: Iterator[Any] = iter(())
        for number in range(count):
            if number % TICKS_A_FILE == 0:
                lines = self._lines(ticks_file(number))
            try:
                closed, salt, events = next(lines)
                read = tuple(_event(item) for item in events)
                yield TickLine(number, int(closed), bytes.fromhex(salt), read)
            except (StopIteration, TypeError, ValueError) as error:
                raise PasserelleError("export_unreadable", f"tick {number}") from error

    def tail(self) -> Iterator[Event]:
        """Events that the checkpoint does not cover."""
        for at, item in enumerate(self._lines("tail.jsonl")):
            try:
                yield _event(item)
            except (TypeError, ValueError) as error:
                raise PasserelleError("export_unreadable", f"tail {at}") from error

    def tables(self) -> tuple[str, ...]:
        """The tables of which there are rows files, by name."""
        return tuple(sorted(path.stem for path in (self.folder / "rows").glob("*.jsonl")))

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        """The rows of a table."""
        for item in self._lines(f"rows/{table}.jsonl"):
            if not isinstance(item, dict):
                raise PasserelleError("export_unreadable", f"{table}: a line that is no row")
            yield cast("dict[str, Any]", item)

    def _json(self, name: str) -> dict[str, Any]:
        try:
            found = whole_json.loads(self.read(name))
        except (ValueError, RecursionError) as error:
            raise PasserelleError("export_unreadable", name) from error
        if not isinstance(found, dict):
            raise PasserelleError("export_unreadable", f"{name}: no object")
        return cast("dict[str, Any]", found)

    def _lines(self, name: str) -> Iterator[Any]:
        try:
            with (self.folder / name).open("rb") as file:
                while line := file.readline(MAX_LINE):
                    yield whole_json.loads(line)
        except (OSError, ValueError, RecursionError) as error:
            raise PasserelleError("export_unreadable", f"{name}: {type(error).__name__}") from error


def _event(item: Any) -> Event:
    kind, happened, subject, vouched, *rest = item
    if not isinstance(kind, str) or not isinstance(subject, str) or type(happened) is not int:
        raise TypeError("an event's fields")
    if len(rest) == 1:
        return Event(kind, "", happened, "", b"", subject, bytes.fromhex(vouched), bytes.fromhex(rest[0]))
    salt, actor, detail = rest
    if not isinstance(actor, str) or not isinstance(detail, str):
        raise TypeError("an event's fields")
    return Event(kind, actor, happened, detail, bytes.fromhex(salt), subject, bytes.fromhex(vouched))


def _line(item: Any) -> str:
    return json.dumps(item, separators=(",", ":")) + "\n"
