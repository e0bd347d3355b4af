"""What the commands of `passerelle policy` share: options, the hub's database, replays and their tables."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from passerelle.clock import SystemClock
from passerelle.display import show_table
from passerelle.errors import PasserelleError
from passerelle_hub.backup.setup import open_database
from passerelle_hub.config import HubSettings
from passerelle_hub.opening import active_bundle, signers_of
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.policy.outcome import ChangeKind
from passerelle_hub.policy.replay import Report, replay
from passerelle_hub.store import Database, decisions

Config = Annotated[Path, Parameter(name="--config")]
AsJson = Annotated[bool, Parameter(name="--json", negative="")]
HUB = Path("hub.toml")
_PAGE = 1_000
_WORKERS = 2


def replayed(
    settings: HubSettings, database: Database, bundle: Bundle, *, last: int | None = None, since: int = 0
) -> Report:
    """Replay the newest decisions of the hub by a bundle, on an embedded engine of its own."""
    try:
        active = active_bundle(settings, database, signers_of(settings))[0]
    except PasserelleError:
        active = None  # nothing is active yet, or it does not hold; the replay does not depend on it
    engine = EmbeddedEngine(bundle, workers=_WORKERS)
    try:
        engine.warm()
        with database.read() as tx:
            pages = decisions.pages(tx, _PAGE, last=last, since=since)
            return replay(pages, engine, bundle, SystemClock(), active)
    finally:
        engine.close()


@contextmanager
def hub_database(settings: HubSettings) -> Generator[Database]:
    """The hub's database, brought to the newest schema; what is written is archived like the hub's own."""
    database = open_database(settings, SystemClock())
    try:
        yield database
    finally:
        database.close()


def show_report(report: Report) -> None:
    """Print a replay for people."""
    print(
        f"{report.decisions} decisions ({report.distinct} distinct inputs) by {report.revision}"
        f" in {report.seconds:.1f} s; {report.left_out} without an answer then were left out"
    )
    for path in report.new_fields:
        print(f"note: {path} was never stored and counts as missing")
    for kind in ChangeKind:
        print(f"{kind.value.replace('_', ' ')}: {report.count(kind)}")
    groups = report.sorted_groups()
    show_table(
        "differences",
        [
            {
                "change": group.kind.value,
                "package": group.package,
                "action": group.action,
                "why": group.why,
                "count": group.count,
            }
            for group in groups
        ],
    )
    if groups:
        print("for instance, each to be explained by `passerelle policy explain`:")
    for group in groups:  # not in the table, which breaks long words where a terminal is narrow
        print(f"  {group.examples[0]}  {group.kind.value} {group.package} {group.action} {group.why}")
    if report.unanswered:
        print(f"{report.unanswered} decisions could not be decided again; mend the bundle first")
