"""Jobs run on the write thread, again after a failure, and stop when told."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from hub_kit import HubKit
from patience import PATIENCE, wait_until

from passerelle_hub.schedule import Schedule, hub_jobs
from passerelle_hub.store import log_store


def test_a_job_runs_on_the_given_thread_and_again_after_it_failed() -> None:
    ran: list[str] = []
    twice = threading.Event()

    def job() -> None:
        ran.append(threading.current_thread().name)
        if len(ran) == 1:
            raise ValueError
        twice.set()

    with ThreadPoolExecutor(1, "writer") as writer:
        schedule = Schedule(writer.submit)
        schedule.every(0.02, "job", job)
        schedule.start()
        assert twice.wait(PATIENCE)
        schedule.stop()
    assert all(name.startswith("writer") for name in ran)


def test_the_hubs_jobs_sign_checkpoints_and_sweep(hub: HubKit) -> None:
    hub.beat()
    with ThreadPoolExecutor(1, "writer") as writer:
        schedule = Schedule(writer.submit)
        hub_jobs(
            schedule,
            database=hub.core.database,
            transparency=hub.core.transparency,
            retention=hub.core.retention,
            checkpoint_seconds=0.02,
            retention_seconds=0.02,
        )
        schedule.start()
        wait_until(lambda: signed(hub))
        schedule.stop()


def signed(hub: HubKit) -> bool:
    with hub.core.database.read() as tx:
        return log_store.latest_checkpoint(tx) is not None
