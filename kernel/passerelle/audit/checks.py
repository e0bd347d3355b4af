"""What `doctor` looks at in a supervisor: keys, certificate, registry, the hub's log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from passerelle import checks
from passerelle.audit.config import SupervisorSettings
from passerelle.audit.supervisor import known_parties, log_of
from passerelle.certificate import Usage
from passerelle.checks import Check, checked
from passerelle.clock import Clock, SystemClock
from passerelle.config import load


def examine(config: Path) -> Iterator[Check]:
    """Every finding about a supervisor's set-up; its witness may run meanwhile."""
    yield from look(load(SupervisorSettings, config), SystemClock())


def look(settings: SupervisorSettings, clock: Clock) -> Iterator[Check]:
    """The same for settings that were read; asks the hub for its newest checkpoint and changes nothing."""
    yield from checks.key_files((settings.path(settings.signing), settings.path(settings.tls.key)))
    yield checks.leaf(settings, settings.tls, Usage.CLIENT, clock.now())
    yield checked("registry", lambda: f"{len(known_parties(settings).entries)} entries verify")
    yield checked("hub", lambda: asyncio.run(_hub(settings)))
    yield checks.disk(settings.path(settings.state).parent)


async def _hub(settings: SupervisorSettings) -> str:
    async with log_of(settings) as log:
        await log.checkpoints()
    return f"shows its log at {settings.hub.address}"
