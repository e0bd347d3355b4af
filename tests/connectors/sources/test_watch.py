"""Between two readings: a changed folder cuts the sleep short, and only once it has come to rest."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from patience import PATIENCE

from passerelle_connector.sources import SourcePlan, Watched, build
from passerelle_connector.sources.mapping import Targets, compile_mapping
from passerelle_connector.sources.watch import look, rest


@dataclass
class Showing:
    """A source that shows these states one after the other, then the last one."""

    states: list[str]
    looks: int = 0

    def records(self, since: str) -> Iterator[object]:
        return iter(())

    def state(self) -> Hashable:
        self.looks += 1
        return self.states[min(self.looks, len(self.states)) - 1]


@dataclass
class Silent:
    """A source that shows nothing."""

    asked: list[str] = field(default_factory=list[str])

    def records(self, since: str) -> Iterator[object]:
        self.asked.append(since)
        return iter(())


async def test_a_change_counts_once_it_has_come_to_rest() -> None:
    source = Showing(["a", "b", "c", "c"])
    async with asyncio.timeout(PATIENCE):
        await rest(source, "a", 3_600, 0.001)  # type: ignore[arg-type]  # yields nothing at all
    assert source.looks == 4


async def test_without_a_change_the_whole_time_is_slept() -> None:
    source = Showing(["a"])
    before = asyncio.get_running_loop().time()
    await rest(source, "a", 0.02, 0.005)  # type: ignore[arg-type]  # yields nothing at all
    assert source.looks and asyncio.get_running_loop().time() >= before + 0.02
    await rest(source, "z", 0.001, 0)  # type: ignore[arg-type]  # yields nothing at all
    silent = Silent()
    await rest(silent, None, 0.001, 0.001)  # type: ignore[arg-type]  # yields nothing at all
    assert await look(silent) is None and silent.asked == []  # type: ignore[arg-type]  # as above


async def test_a_folder_shows_names_times_and_sizes(tmp_path: Path) -> None:
    plan = SourcePlan(
        {"kind": "folder", "path": "in"},
        compile_mapping("nr", {}, Targets(frozenset(), frozenset())),
        tmp_path,
    )
    source = build(plan)
    assert isinstance(source, Watched)
    states = {await look(source)}
    (tmp_path / "in").mkdir()
    file = tmp_path / "in" / "a.csv"
    file.write_text("nr\n")
    states.add(await look(source))
    (tmp_path / "in" / "notes.txt").write_text("no source")
    assert await look(source) in states
    os.utime(file, ns=(1, 1))
    states.add(await look(source))
    file.write_text("nr\n1\n")
    os.utime(file, ns=(1, 1))
    states.add(await look(source))
    assert len(states) == 4
