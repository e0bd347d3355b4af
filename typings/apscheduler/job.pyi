"""A scheduled job, as the scheduler hands it out."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from apscheduler.triggers.base import BaseTrigger

class Job:
    id: str
    name: str
    args: Sequence[object]
    kwargs: Mapping[str, object]
    coalesce: bool
    max_instances: int
    misfire_grace_time: int | None
    next_run_time: datetime | None
    trigger: BaseTrigger
    def remove(self) -> None: ...
    def pause(self) -> Job: ...
    def resume(self) -> Job | None: ...
