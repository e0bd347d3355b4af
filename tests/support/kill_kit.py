"""A federation of real processes to kill, and what its agencies wrote down.

`Register` is the truth: who every row speaks of, how often it was changed, hence which records are to be
linked. `Federation` runs the processes, each connector one of its own.
"""

from __future__ import annotations

import csv
import io
import itertools
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from mapping_kit import mapping
from patience import PATIENCE

from passerelle.clock import SystemClock
from passerelle.config import load
from passerelle_demo.cli import POLICIES
from passerelle_demo.processes import Processes
from passerelle_demo.scenario import Cast, Scenario
from passerelle_demo.staging import Stage, build
from passerelle_hub.config import HubSettings

AGENCIES = ("customs", "intelligence", "police", "prisons")
HUB = "hub"
NEIGHBOUR = "hub-2"
"""A second hub process, where there are two: same configuration, same address."""
COLUMNS = ("id", "family", "given", "born", "phone")
_LETTERS = "abdefgiklmnoprstu"

CONFIG = mapping(
    {"family_name": "family", "given_name": "given", "born": "born", "phone": "phone"}, case="kills"
)

SCENARIO = Scenario(
    title="to be killed",
    domain="ter",
    tiers=("core", "strong"),
    cast=tuple(Cast(name, name.title(), CONFIG, {}, 0) for name in AGENCIES),
    truth=frozenset(),
    relations=frozenset({"same_person"}),
    states=frozenset({"notified"}),
    purpose="counter_terrorism",
    legal_basis="be_ter_2024",
)


@dataclass
class Row:
    """One row: whom it speaks of (`person`), the run that touched it last, how often it was changed."""

    file: str
    person: tuple[str, str, str]
    phone: str
    touched: int
    revision: int = 1


@dataclass
class Register:
    """What the agencies wrote down, and so what is to come of it."""

    rng: random.Random
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)

    def person(self) -> tuple[str, str, str]:
        """Somebody nobody spoke of yet."""
        family, given = ("".join(self.rng.choices(_LETTERS, k=size)) for size in (10, 7))
        year, month, day = self.rng.randint(1940, 2000), self.rng.randint(1, 12), self.rng.randint(1, 28)
        return family.title(), given.title(), f"{year}-{month:02}-{day:02}"

    def phone(self) -> str:
        """A number of nobody else."""
        return f"04{len(self.rows):04}{self.rng.randrange(10_000):04}"

    def step(self, run: int, step: int, steps: int) -> set[tuple[str, str]]:
        """One of a run's steps: new rows, and one older row that says something new; returns the files.

        A run's new rows: two persons for each two agencies, one that only one knows. A row is touched once a
        run, so that it has as many revisions as were written, however seldom the source is read.
        """
        known: list[tuple[str, ...]] = [*itertools.combinations(AGENCIES, 2)] * 2
        known += [(agency,) for agency in AGENCIES]
        untouched = sorted(key for key, row in self.rows.items() if row.touched < run)
        files = {self._change(key, run) for key in self.rng.sample(untouched, min(1, len(untouched)))}
        for knows in known[step::steps]:
            person = self.person()
            for agency in knows:
                reference = f"{agency[:1].upper()}{len(self.rows)}"
                row = Row(f"run-{run:03}.csv", person, self.phone(), run)
                self.rows[agency, reference] = row
                files.add((agency, row.file))
        return files

    def _change(self, key: tuple[str, str], run: int) -> tuple[str, str]:
        """Another phone, or another person; returns the file."""
        row = self.rows[key]
        row.revision, row.touched, row.phone = row.revision + 1, run, self.phone()
        if self.rng.random() < 0.5:
            row.person = self.person()
        return key[0], row.file

    def write(self, stage: Stage, files: set[tuple[str, str]]) -> None:
        """Write files anew, each at once."""
        for agency, file in sorted(files):
            text = io.StringIO(newline="")
            writer = csv.writer(text)
            writer.writerow(COLUMNS)
            for (owner, reference), row in self.rows.items():
                if (owner, row.file) == (agency, file):
                    writer.writerow((reference, *row.person, row.phone))
            folder = stage.connectors[agency].parent
            (folder / file).write_text(text.getvalue(), "utf-8")
            (folder / file).replace(folder / "data" / file)

    def revisions(self, agency: str) -> dict[str, int]:
        """The revision that each row of an agency has come to."""
        return {reference: row.revision for (owner, reference), row in self.rows.items() if owner == agency}

    def pairs(self) -> set[frozenset[tuple[str, str]]]:
        """Rows of different agencies that speak of the same person."""
        by_person: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
        for key, row in self.rows.items():
            by_person.setdefault(row.person, []).append(key)
        return {
            frozenset(pair) for rows in by_person.values() for pair in itertools.combinations(sorted(rows), 2)
        }


class Federation:
    """The processes of a stage by name: the hub (two on a `database` by URL), trustees, connectors."""

    def __init__(self, folder: Path, processes: Processes, database: str = "") -> None:
        self.stage = build(folder, SCENARIO, POLICIES, SystemClock(), batch_records=3)
        self._processes = processes
        self.hubs = (HUB, NEIGHBOUR) if database else (HUB,)
        self._commands = {name: ["hub", "run", "--config", str(self.stage.hub)] for name in self.hubs}
        for index, path in self.stage.trustees.items():
            self._commands[f"trustee-{index}"] = ["trustee", "run", "--config", str(path)]
        for agency, path in self.stage.connectors.items():
            self._commands[agency] = ["connector", "run", "--config", str(path)]
            _replace(path, "scan_seconds = 3600", "scan_seconds = 0.2\nretry_limit_seconds = 1.0")
        _replace(self.stage.hub, "database =", "tick_seconds = 0.3\ncheckpoint_seconds = 1.0\ndatabase =")
        if database:
            _replace(self.stage.hub, 'database = "hub.db"', f'database = "{database}"')

    @property
    def names(self) -> tuple[str, ...]:
        """Everybody who may be killed."""
        return tuple(self._commands)

    def start(self, name: str) -> None:
        """Start one process; it need not listen yet."""
        self._processes.start(name, self._commands[name])

    def ended(self, name: str, seconds: float) -> int:
        """The exit code of a process that ends by itself."""
        return self._processes._running[name].wait(seconds)

    def kill(self, name: str) -> None:
        """SIGKILL."""
        self._processes.kill(name)


def hub_url(stage: Stage) -> str:
    """The hub's database."""
    return load(HubSettings, stage.hub).database_url


@contextmanager
def federation(folder: Path, database: str = "") -> Iterator[Federation]:
    """A running federation without a row; a hub listens."""
    with Processes(folder) as processes:
        made = Federation(folder, processes, database)
        for name in made.names:
            made.start(name)
        processes.wait_for(HUB, made.stage.hub_port)
        yield made


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text, f"{path.name} no longer says {old!r}"
    path.write_text(text.replace(old, new), "utf-8")


def orphans(folder: Path) -> list[int]:
    """Processes of ours that nobody started: children that outlived a killed parent, and stay."""
    end = time.monotonic() + PATIENCE
    while (found := _without_parent(folder)) and time.monotonic() < end:
        time.sleep(0.1)  # they notice in their own time
    return found


def _without_parent(folder: Path) -> list[int]:
    own = {child.pid for child in psutil.Process().children(recursive=True)}
    found: list[int] = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if str(folder) in line and process.pid not in own and process.pid != os.getpid():
            found.append(process.pid)
    return found
