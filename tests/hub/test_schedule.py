"""Jobs run on the write thread, again after a failure, and stop when told."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from hub_kit import HubKit

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
        assert twice.wait(5)
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
        signed = None
        for _ in range(250):
            with hub.core.database.read() as tx:
                signed = log_store.latest_checkpoint(tx)
            if signed is not None:
                break
            threading.Event().wait(0.02)
        schedule.stop()
    assert signed is not None
