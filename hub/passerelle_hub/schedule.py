"""Jobs: what the hub does by itself, beside the tick.

APScheduler runs them in threads of its own; each hands its work to the hub's write threads, so that SQLite
has one writer still. Of several processes on one database only the one that leads runs them. Jobs never
overlap with themselves, and a missed run is made up for once, not many times.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from passerelle.log import get_logger
from passerelle_hub.retention import Retention
from passerelle_hub.store import Database
from passerelle_hub.transparency import Transparency

_LOG = get_logger("schedule")

Submit = Callable[[Callable[[], object]], "Future[object]"]
"""Hands work to a write thread."""


class Schedule:
    """The hub's jobs and when they run; intervals in seconds. `leads` says whether this process runs them."""

    def __init__(self, submit: Submit, leads: Callable[[], bool] = lambda: True) -> None:
        self._submit = submit
        self._leads = leads
        self._scheduler = BackgroundScheduler(job_defaults={"coalesce": True, "max_instances": 1})

    def every(self, seconds: float, name: str, job: Callable[[], object]) -> None:
        """Run a job at an interval, from one interval after the start."""
        trigger = IntervalTrigger(seconds=seconds)
        self._scheduler.add_job(self._run, trigger, args=[name, job], id=name, name=name)

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    def stop(self) -> None:
        """Let running jobs finish and begin no other."""
        self._scheduler.shutdown(wait=True)

    def _run(self, name: str, job: Callable[[], object]) -> None:
        if not self._leads():
            return
        try:
            self._submit(job).result()
        except Exception as error:  # noqa: BLE001 - a job that fails is logged and runs again next time
            _LOG.error("job.failed", job=name, exception_type=type(error).__name__)


def hub_jobs(
    schedule: Schedule,
    *,
    database: Database,
    transparency: Transparency,
    retention: Retention,
    checkpoint_seconds: float,
    retention_seconds: float,
) -> None:
    """Put the hub's own jobs on a schedule: checkpoint and retention sweep."""

    def checkpoint() -> None:
        with database.write() as tx:
            transparency.checkpoint(tx)

    schedule.every(checkpoint_seconds, "checkpoint", checkpoint)
    schedule.every(retention_seconds, "retention", retention.sweep)
