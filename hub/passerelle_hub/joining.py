"""What a hub brings along when it joins (`passerelle.newcomer`): keys, and a configuration to begin with."""

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
from passerelle_hub.enrol import KeyFiles, enrol


def _make(identity: Identity, keys: Path, clock: Clock) -> None:
    files = KeyFiles(
        signing=keys / "signing.key",
        manifest=keys / "manifest.key",
        pepper=keys / "pepper.key",
        tls=keys / "leaf-key.pem",
    )
    enrol(identity, files, clock)


def hub_toml(identity: Identity, invitation: Invitation, welcome: Welcome) -> str:
    """The text of `hub.toml`: what is known; database, policies and director are the operator's to set."""
    domains = f"[domains]\n{welcome.domain} = [1]\n\n"
    return f"identity = {json.dumps(str(identity))}\n\n{domains}{authority_tables(invitation)}"


JOINING: Final = Joining(Role.HUB, Usage.SERVER, _make, hub_toml)
