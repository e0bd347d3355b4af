"""What a supervisor brings along when it joins (`passerelle.newcomer`): keys, and a configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from passerelle.certificate import Usage
from passerelle.clock import Clock
from passerelle.first_keys import FirstFiles, make_first_keys
from passerelle.identity import Identity, Role
from passerelle.invitation import Invitation
from passerelle.newcomer import Joining, pki_table
from passerelle.welcome import Welcome


def _make(identity: Identity, keys: Path, clock: Clock) -> None:
    files = FirstFiles(keys / "signing.key", keys / "manifest.key", keys / "leaf-key.pem")
    make_first_keys(identity, files, Usage.CLIENT, clock)


def supervisor_toml(identity: Identity, invitation: Invitation, welcome: Welcome) -> str:
    """The text of `supervisor.toml`; an operator that states no hub leaves its address to be set."""
    address, agency = json.dumps(welcome.hub_address), json.dumps(welcome.hub_agency)
    hub = f"[hub]\naddress = {address}\nagency = {agency}\n\n"
    return f"identity = {json.dumps(str(identity))}\n\n{hub}{pki_table(invitation)}"


JOINING: Final = Joining(Role.SUPERVISOR, Usage.CLIENT, _make, supervisor_toml)
