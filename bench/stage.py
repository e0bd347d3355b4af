"""Real processes for a benchmark: trustees, a hub and one agency with rows that hold a phone number only."""

from __future__ import annotations

import random
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from bench.figures import SEED
from mapping_kit import mapping

from passerelle.clock import SystemClock
from passerelle_demo.cli import POLICIES
from passerelle_demo.processes import Processes
from passerelle_demo.scenario import Cast, Scenario
from passerelle_demo.staging import Stage, build

AGENCY = "police"
BATCH_RECORDS = 500
DISTINCT_PHONES = 2_000

_MAPPING = mapping({"phone": "phone"}, case="benchmark")


@dataclass(frozen=True, slots=True)
class Running:
    """A stage and the processes on it, each found by its configuration file."""

    stage: Stage
    processes: Processes

    def start_trustees(self) -> None:
        """Start all trustees and wait until they listen."""
        for index, path in self.stage.trustees.items():
            self.processes.start(f"trustee-{index}", ["trustee", "run", "--config", str(path)])
        for index, port in self.stage.trustee_ports.items():
            self.processes.wait_for(f"trustee-{index}", port)

    def start_hub(self) -> None:
        """Start the hub and wait until it listens."""
        self.processes.start("hub", ["hub", "run", "--config", str(self.stage.hub)])
        self.processes.wait_for("hub", self.stage.hub_port)

    def start_connector(self) -> None:
        """Start the agency's connector."""
        config = self.stage.connectors[AGENCY]
        self.processes.start("connector", ["connector", "run", "--config", str(config)])

    def process(self, config: Path) -> psutil.Process:
        """The process that runs with a configuration."""
        return next(one for one in psutil.Process().children() if str(config) in one.cmdline())

    def trustee_cpu(self) -> float:
        """CPU seconds that all trustees have used so far."""
        times = [self.process(path).cpu_times() for path in self.stage.trustees.values()]
        return sum(one.user + one.system for one in times)


@contextmanager
def running(folder: Path, rows: int) -> Generator[Running]:
    """A stage below a folder; its processes end with the block."""
    scenario = Scenario(
        title="benchmark",
        domain="ter",
        tiers=("core", "strong"),
        cast=(Cast(AGENCY, AGENCY.title(), _MAPPING, {"rows.csv": phone_rows(rows)}, rows),),
        truth=frozenset(),
        relations=frozenset(),
        states=frozenset(),
        purpose="counter_terrorism",
        legal_basis="be_ter_2024",
    )
    folder.mkdir()
    stage = build(folder, scenario, POLICIES, SystemClock(), batch_records=BATCH_RECORDS)
    with Processes(folder) as processes:
        yield Running(stage, processes)


def phone_rows(count: int) -> bytes:
    """A CSV of that many rows whose numbers repeat, so that tokenising them costs next to nothing."""
    rng = random.Random(SEED)
    numbers = [f"+3247{at:07}" for at in rng.sample(range(10_000_000), DISTINCT_PHONES)]
    rows = [f"R{at},{rng.choice(numbers)}" for at in range(count)]
    return "\n".join(("id,phone", *rows, "")).encode()
