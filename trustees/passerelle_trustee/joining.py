"""What a trustee brings along when it joins (`passerelle.newcomer`): keys, and a configuration to begin with.

The leaf that it listens with comes by enrolment, the one that it calls with by renewal at its first start.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from passerelle.certificate import Usage
from passerelle.clock import Clock
from passerelle.identity import Identity, Role
from passerelle.invitation import Invitation
from passerelle.newcomer import Joining, authority_tables
from passerelle.welcome import Welcome
from passerelle_trustee.enrol import KeyFiles, enrol


def _make(identity: Identity, keys: Path, clock: Clock) -> None:
    files = KeyFiles(
        signing=keys / "signing.key",
        sealing=keys / "sealing.key",
        manifest=keys / "manifest.key",
        tls=keys / "leaf-key.pem",
        client=keys / "client-key.pem",
    )
    enrol(identity, files, clock)


def trustee_toml(identity: Identity, invitation: Invitation, welcome: Welcome) -> str:
    """The text of `trustee.toml`; without a hub in the welcome nothing is reported."""
    hub = ""
    if welcome.hub_address:
        address, agency = json.dumps(welcome.hub_address), json.dumps(welcome.hub_agency)
        hub = f"[hub]\naddress = {address}\nagency = {agency}\n\n"
    return f"identity = {json.dumps(str(identity))}\n\n{hub}{authority_tables(invitation)}"


JOINING: Final = Joining(Role.TRUSTEE, Usage.SERVER, _make, trustee_toml)
