"""`passerelle hub calibration`: are the stated odds true? Figures only, small cells left out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from passerelle.config import load
from passerelle.notification import Band, LinkState
from passerelle_hub.config import HubSettings
from passerelle_hub.match.calibration import Calibration, Judged, calibrate
from passerelle_hub.match.weights import weights
from passerelle_hub.start import open_core
from passerelle_hub.store import Transaction, links

_TITLES = ("band", "judged", "stated", "confirmed")


def read_calibration(tx: Transaction) -> Calibration:
    """The report over all links that are not the director's alone."""
    return calibrate(judged(tx), weights())


def judged(tx: Transaction) -> list[Judged]:
    """All links that are not the director's alone, with what became of them."""
    return [_judged(row) for row in links.evidence(tx)]


def _judged(row: links.EvidenceRow) -> Judged:
    found: list[tuple[str, str, float]] = json.loads(row.evidence)
    levels = tuple((field, level) for field, level, _ in found if level)
    return Judged(LinkState(row.state), Band(row.band), row.bits, levels)


def calibration(
    *,
    config: Annotated[Path, Parameter(name="--config")] = Path("hub.toml"),
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Hold the stated odds against what analysts confirmed and refuted, and the shipped weights against them.

    Args:
        config: the hub's configuration.
        as_json: print one JSON object instead of tables.
    """
    core = open_core(load(HubSettings, config))
    try:
        with core.database.read() as tx:
            report = read_calibration(tx)
    finally:
        core.close()
    if as_json:
        print(json.dumps(asdict(report)))
        return
    console = Console()
    error = "too few judged" if report.error is None else f"{report.error:.4f}"
    console.print(f"{report.weights}: expected calibration error {error}")
    rows = ((one.band.value, one.judged, one.stated, one.confirmed) for one in report.bands)
    console.print(_table(_TITLES, rows))
    levels = (
        (one.field, one.level, one.shipped, one.confirmed, one.monitor, one.drift) for one in report.levels
    )
    console.print(
        _table(("field", "level", "m shipped", "m of confirmed", "m of the monitor", "drift, bits"), levels)
    )


def _table(titles: Iterable[str], rows: Iterable[tuple[object, ...]]) -> Table:
    table = Table(*titles, box=SIMPLE)
    for row in rows:
        table.add_row(*("few" if cell is None else str(cell) for cell in row))
    return table
