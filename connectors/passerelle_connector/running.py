"""A connector that runs until it is told to stop; wired anew where a later token epoch is due."""

from __future__ import annotations

import asyncio

from passerelle_connector.compose import connector
from passerelle_connector.config import ConnectorSettings


async def until(settings: ConnectorSettings, stop: asyncio.Event) -> None:
    """Run, and begin anew with each epoch that is due, until `stop` is set.

    Raises:
        PasserelleError: what opening the connector raises.
    """
    while not stop.is_set():
        settings = await _run(settings, stop)


async def _run(settings: ConnectorSettings, stop: asyncio.Event) -> ConnectorSettings:
    """Run until it is told to stop or an epoch is due; returns the settings to go on with."""
    async with connector(settings) as made:
        working = asyncio.create_task(made.run())
        waiting = [asyncio.create_task(one.wait()) for one in (stop, made.due)]
        await asyncio.wait({working, *waiting}, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait({working})
        else:
            working.result()
        epoch = made.turning.epoch if made.turning is not None else 0
    return settings.model_copy(update={"epoch": max(settings.epoch, epoch)})
