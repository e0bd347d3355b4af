"""`passerelle hub epoch`: a new token epoch from its announcement to the end of the old one."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from passerelle.config import load
from passerelle_hub.config import HubSettings
from passerelle_hub.epochs import TokenEpochs
from passerelle_hub.start import open_core
from passerelle_hub.store import Transaction

app = App(name="epoch", help="Announce, open and close token epochs; see who went over.")
Config = Annotated[Path, Parameter(name="--config")]
AsJson = Annotated[bool, Parameter(name="--json", negative="")]
_DEFAULT = Path("hub.toml")


@app.command
def announce(domain: str, epoch: int, /, *, by: str, config: Config = _DEFAULT) -> None:
    """Say that an epoch comes; connectors tell their operators whether they have its keys.

    Args:
        domain: the token domain.
        epoch: its number, later than all known.
        by: who decides.
        config: the hub's configuration.
    """
    _change(config, lambda epochs, tx: epochs.announce(tx, domain, epoch, by))
    print(f"{domain} {epoch}: announced; next, its keys by the trustees' ceremony, then `epoch open`")


@app.command(name="open")
def open_(domain: str, epoch: int, /, *, by: str, config: Config = _DEFAULT) -> None:
    """Take the epoch's tokens beside those of the one before; connectors with its keys go over.

    Args:
        domain: the token domain.
        epoch: its number.
        by: who decides.
        config: the hub's configuration.
    """
    _change(config, lambda epochs, tx: epochs.open(tx, domain, epoch, by))
    print(f"{domain} {epoch}: open; `epoch list` shows who went over")


@app.command
def close(
    domain: str,
    epoch: int,
    /,
    *,
    by: str,
    leaving: Annotated[bool, Parameter(negative="")] = False,
    config: Config = _DEFAULT,
) -> None:
    """Take the epoch's tokens no longer, for ever.

    Args:
        domain: the token domain.
        epoch: its number.
        by: who decides.
        leaving: although agencies still hold records in it, which match nothing new from then on.
        config: the hub's configuration.
    """
    _change(config, lambda epochs, tx: epochs.close(tx, domain, epoch, by, leaving=leaving))
    print(f"{domain} {epoch}: closed; the trustees may erase its shares")


@app.command(name="list")
def list_(*, config: Config = _DEFAULT, as_json: AsJson = False) -> None:
    """Show every epoch, its state, and how many active records each agency holds in it.

    Args:
        config: the hub's configuration.
        as_json: print JSON.
    """
    with closing(open_core(load(HubSettings, config))) as core, core.database.read() as tx:
        lines = core.epochs.lines(tx)
    if as_json:
        rows = [
            {"domain": one.domain, "epoch": one.epoch, "state": one.state.value, "held": one.held}
            for one in lines
        ]
        print(json.dumps(rows, indent=2, sort_keys=True))
        return
    for one in lines:
        held = ", ".join(f"{agency} {count}" for agency, count in sorted(one.held.items())) or "no records"
        print(f"{one.domain} {one.epoch}  {one.state.value:9}  {held}")


def _change(config: Path, change: Callable[[TokenEpochs, Transaction], None]) -> None:
    with closing(open_core(load(HubSettings, config))) as core, core.database.write() as tx:
        change(core.epochs, tx)
