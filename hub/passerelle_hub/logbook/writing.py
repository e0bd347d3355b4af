"""The log as an operator's command writes to it, beside a running hub or without one."""

from __future__ import annotations

from passerelle.clock import Clock
from passerelle.keyfile import KeyKind, read_key
from passerelle_hub.audit import Audit, EventSeal
from passerelle_hub.config import HubSettings


def own_audit(settings: HubSettings, clock: Clock) -> Audit:
    """The audit of a hub's own commands: events need the hub's mark, so the pepper must be readable.

    Raises:
        PasserelleError: what reading the pepper raises.
    """
    return Audit(clock, EventSeal(read_key(settings.path(settings.keys.pepper), KeyKind.PEPPER)))
