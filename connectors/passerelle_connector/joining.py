"""What a connector brings along when it joins (`passerelle.newcomer`)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from passerelle.certificate import Usage
from passerelle.clock import Clock
from passerelle.identity import Identity, Role
from passerelle.newcomer import Joining
from passerelle_connector.enrol import enrol
from passerelle_connector.template import connector_toml


def _make(identity: Identity, keys: Path, clock: Clock) -> None:
    enrol(identity, keys, keys / "leaf-key.pem", clock)


JOINING: Final = Joining(Role.CONNECTOR, Usage.CLIENT, _make, connector_toml)
