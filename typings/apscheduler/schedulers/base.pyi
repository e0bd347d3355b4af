from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from apscheduler.job import Job
from apscheduler.triggers.base import BaseTrigger

STATE_STOPPED: int
STATE_RUNNING: int
STATE_PAUSED: int

class BaseScheduler:
    state: int
    @property
    def running(self) -> bool: ...
    def __init__(
        self,
        gconfig: Mapping[str, object] = ...,
        *,
        timezone: tzinfo | str = ...,
        job_defaults: Mapping[str, object] = ...,
        daemon: bool = ...,
    ) -> None: ...
    def start(self, paused: bool = ...) -> None: ...
    def shutdown(self, wait: bool = ...) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def add_listener(self, callback: Callable[[Any], object], mask: int = ...) -> None: ...
    def add_job(
        self,
        func: Callable[..., object],
        trigger: BaseTrigger | str | None = ...,
        args: Sequence[object] | None = ...,
        kwargs: Mapping[str, object] | None = ...,
        id: str | None = ...,
        name: str | None = ...,
        misfire_grace_time: int | None = ...,
        coalesce: bool = ...,
        max_instances: int = ...,
        next_run_time: datetime | None = ...,
        jobstore: str = ...,
        executor: str = ...,
        replace_existing: bool = ...,
        *,
        weeks: float = ...,
        days: float = ...,
        hours: float = ...,
        minutes: float = ...,
        seconds: float = ...,
        jitter: int | None = ...,
    ) -> Job: ...
    def get_jobs(self, jobstore: str | None = ..., pending: bool | None = ...) -> list[Job]: ...
    def get_job(self, job_id: str, jobstore: str | None = ...) -> Job | None: ...
    def remove_job(self, job_id: str, jobstore: str | None = ...) -> None: ...
    def pause_job(self, job_id: str, jobstore: str | None = ...) -> Job: ...
    def resume_job(self, job_id: str, jobstore: str | None = ...) -> Job | None: ...
