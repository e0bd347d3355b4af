"""`passerelle hub suspend | resume | revoke`: what this hub decides at once, not waiting for the registry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from passerelle.config import load
from passerelle.errors import PasserelleError
from passerelle_hub.config import HubSettings
from passerelle_hub.standing import LocalStanding
from passerelle_hub.start import open_core
from passerelle_hub.store import Transaction

Config = Annotated[Path, Parameter(name="--config")]
_DEFAULT = Path("hub.toml")


def suspend(agency: str, *, by: str, reason: str, config: Config = _DEFAULT) -> None:
    """Suspend an agency at this hub: calls are refused from the next tick on, open streams are cut.

    Args:
        agency: whom.
        by: who decides.
        reason: for the log; no names of persons.
        config: the hub's configuration.
    """
    _change(config, lambda local, tx: local.suspend(tx, agency, by, reason))
    print(f"{agency}: suspended at this hub")


def resume(agency: str, *, by: str, config: Config = _DEFAULT) -> None:
    """End the suspension of an agency at this hub.

    Args:
        agency: whom.
        by: who decides.
        config: the hub's configuration.
    """
    _change(config, lambda local, tx: local.resume(tx, agency, by))
    print(f"{agency}: takes part again")


def revoke(trust_domain: str, serial: str, *, by: str, reason: str, config: Config = _DEFAULT) -> None:
    """Refuse one certificate at this hub for ever, before its authority's list names it.

    Args:
        trust_domain: the certificate's.
        serial: its number, hexadecimal.
        by: who decides.
        reason: for the log; no names of persons.
        config: the hub's configuration.
    """
    try:
        number = int(serial, 16)
    except ValueError as error:
        raise PasserelleError("suspend_refused", "no hexadecimal number") from error
    _change(config, lambda local, tx: local.bar(tx, trust_domain, number, by, reason))
    print(f"{trust_domain} {serial}: refused at this hub")


def _change(config: Path, change: Callable[[LocalStanding, Transaction], None]) -> None:
    core = open_core(load(HubSettings, config))
    try:
        with core.database.write() as tx:
            change(core.registry.local, tx)
    finally:
        core.close()
