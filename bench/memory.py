"""Peak memory of hub and connector by the size of one submission: bounded by the batch, not by the rows.

For each size a fresh stage: three trustees, a hub and a connector, each a process of its own. The connector
reads a file of rows with a phone number only, drawn from few values, so that most tokens come from its cache
and the run time is that of everything but tokenisation. The peak is the kernel's own count for each process
(`VmHWM`), read after every batch was matched; the hub's policy engine is a process of its own and counts
with the hub.
"""

from __future__ import annotations

import time
from pathlib import Path

import psutil
from bench.figures import Figure, Sizes, at_most
from bench.stage import AGENCY, Running, running

from passerelle.errors import PasserelleError
from passerelle_demo.play import Watch

LIMIT_MB = 400
_POLL = 0.2
_LEAST_RATE = 50
"""Records a second below which a run is given up."""


def run(sizes: Sizes, folder: Path) -> tuple[Figure, ...]:
    """Measure each size on a stage of its own."""
    return tuple(figure for size in sizes.memory_records for figure in measure(size, folder))


def measure(records: int, folder: Path) -> tuple[Figure, ...]:
    """Peaks of one submission.

    Raises:
        PasserelleError: `peer_timeout`, the submission did not end in time.
    """
    with running(folder / f"memory-{records}", rows=records) as stage:
        stage.start_trustees()
        stage.start_hub()
        began = time.monotonic()
        stage.start_connector()
        watch = Watch(stage.stage)
        try:
            _until_settled(watch, began + 60 + records / _LEAST_RATE)
            assert watch.hub().records == {AGENCY: records}
        finally:
            watch.close()
        seconds = time.monotonic() - began
        hub, connector = _peaks(stage)
    return (
        at_most(f"memory, hub at {records:,} records", hub, "MB", LIMIT_MB),
        at_most(f"memory, connector at {records:,} records", connector, "MB", LIMIT_MB),
        Figure(f"memory, whole way of {records:,} records", records / seconds, "records/s"),
    )


def _until_settled(watch: Watch, end: float) -> None:
    while not (watch.delivered() and watch.settled()):
        if time.monotonic() > end:
            raise PasserelleError("peer_timeout", "the submission did not end in time")
        time.sleep(_POLL)


def _peaks(stage: Running) -> tuple[float, float]:
    """Megabytes of the hub with its children, and of the connector."""
    hub = stage.process(stage.stage.hub)
    connector = stage.process(stage.stage.connectors[AGENCY])
    return sum(_peak(one) for one in (hub, *hub.children(recursive=True))), _peak(connector)


def _peak(process: psutil.Process) -> float:
    for line in Path(f"/proc/{process.pid}/status").read_text("utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise PasserelleError("internal", "this kernel counts no peak")
