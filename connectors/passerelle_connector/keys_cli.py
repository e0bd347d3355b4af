"""`passerelle connector enrol`, `init`, `renew`, `rotate`: a connector's keys, certificate and manifest."""

from __future__ import annotations

import asyncio

from cyclopts import App

from passerelle.clock import SECOND, SystemClock, moment
from passerelle.config import load
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.newcomer_cli import enrol_command
from passerelle_connector.compose_ports import build_renewal
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.enrol import enrol
from passerelle_connector.foundation import Environment
from passerelle_connector.joining import JOINING
from passerelle_connector.options import DEFAULT, Config
from passerelle_connector.rotate import rotate as rotate_keys


def add_to(app: App) -> None:
    """Put the commands on `passerelle connector`."""
    then = "set [source] and [map] in connector.toml, then `passerelle connector run`"
    app.command(enrol_command(JOINING, then), name="enrol")
    app.command(init, name="init")
    app.command(renew, name="renew")
    app.command(rotate, name="rotate")


def init(*, config: Config = DEFAULT) -> None:
    """Make keys, key manifest and certificate request; what exists stays as it is.

    Args:
        config: the connector's configuration.
    """
    settings = load(ConnectorSettings, config)
    identity = Identity.parse(settings.identity)
    made = enrol(identity, settings.path(settings.keys), settings.path(settings.tls.key), SystemClock())
    print(f"for the registry: {made.manifest}\nfor the authority: {made.request}")


def renew(*, config: Config = DEFAULT) -> None:
    """Renew the leaf now; a connector that runs does so by itself at half the leaf's life.

    Args:
        config: the connector's configuration.
    """
    settings = load(ConnectorSettings, config)
    renewal = build_renewal(settings, Environment.system())
    if renewal is None:
        raise PasserelleError("renewal_not_configured", "no [pki]")
    authority, ahead = asyncio.run(renewal.probe())
    print(f"authority {authority}; its clock is {ahead / SECOND:+.1f} s from this machine's")
    asyncio.run(renewal.renew())
    print(f"leaf in {settings.path(settings.tls.chain)}, valid until {moment(renewal.due()).isoformat()}")


def rotate(*, config: Config = DEFAULT) -> None:
    """Make the next signing and sealing keys, and the key manifest that the registry's operator publishes.

    Args:
        config: the connector's configuration.
    """
    settings = load(ConnectorSettings, config)
    made = rotate_keys(Identity.parse(settings.identity), settings.path(settings.keys), SystemClock())
    print(f"for the registry: {made}\nthe new keys are used once your entry shows them")
