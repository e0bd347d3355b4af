"""`passerelle connector who-would-learn`: what would become known of a record, before it is submitted."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from cyclopts import App

from passerelle.config import load
from passerelle.foresight import Learned
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.display import show, show_one
from passerelle_connector.options import DEFAULT, AsJson, Config
from passerelle_connector.preview import ask, imagine


def add_to(app: App) -> None:
    """Put the command on `passerelle connector`."""
    app.command(who_would_learn, name="who-would-learn")


def who_would_learn(
    *changes: str,
    lang: str = "en",
    config: Config = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Ask the hub what each class of counterpart would be told of a match with a record marked like ours.

    Nothing is submitted, and the answer says nothing of what the hub holds: only rules and the marking count.

    Args:
        changes: NAME=VALUE over the configured marking, as handling=H2 or releasable_to=police,customs;
            also tiers=core,names and entity=person.
        lang: en, fr, nl or de.
        config: the connector's configuration.
        as_json: print JSON.
    """
    settings = load(ConnectorSettings, config)
    foreseen = asyncio.run(ask(settings, imagine(settings, changes, lang)))
    if as_json:
        show_one(asdict(foreseen), "foreseen", as_json=True)
        return
    show([_row(one) for one in foreseen.learned], "who would learn what", as_json=False)
    if foreseen.taken:
        print("the hub would take this record")
    else:
        print("the hub would not take this record: " + "; ".join(foreseen.refusals))


def _row(one: Learned) -> dict[str, Any]:
    return {
        "counterpart": f"{one.counterpart} ({one.agencies})",
        "on": one.evidence,
        "would learn": one.visibility or "nothing",
        "you are named": ("yes" if one.named else "no") if one.visibility else "",
        "conditions, or why not": "; ".join(one.conditions or one.reasons),
        "withheld": "; ".join(one.withheld),
    }
