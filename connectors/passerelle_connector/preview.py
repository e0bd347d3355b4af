"""Who would learn what: a partner's question before it submits, from configuration and command line.

The imagined record is marked by `[marking]`; `NAME=VALUE` overrides a target of it, or `entity` and `tiers`.
Several values are separated by commas.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from passerelle.errors import PasserelleError
from passerelle.foresight import Foresight, Imagined
from passerelle.groups import EntityKind
from passerelle.marking import AgeBand
from passerelle_connector.compose_ports import load_peers, open_ports
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.marking import MarkingPlan


def imagine(settings: ConnectorSettings, overrides: Sequence[str], language: str) -> Imagined:
    """The record in question.

    Raises:
        PasserelleError: `mapping_invalid`, an override that is none, or a code outside its vocabulary.
    """
    given: dict[str, tuple[str, ...]] = {}
    for text in overrides:
        name, equals, values = text.partition("=")
        if not equals:
            raise PasserelleError("mapping_invalid", f"{name}: NAME=VALUE is expected")
        given[name] = tuple(value for value in values.split(",") if value)
    tiers = given.pop("tiers", settings.tiers)
    (entity,) = given.pop("entity", (EntityKind.PERSON.value,))[:1] or ("",)
    if entity not in {kind.value for kind in EntityKind}:
        raise PasserelleError("mapping_invalid", "entity: person, organisation or means")
    table: dict[str, Any] = {**settings.marking, **{name: list(values) for name, values in given.items()}}
    marking = MarkingPlan.compile(table).mark({}, AgeBand.UNKNOWN)
    return Imagined(settings.domain, EntityKind(entity), marking, tuple(sorted(set(tiers))), language)


async def ask(settings: ConnectorSettings, imagined: Imagined) -> Foresight:
    """The hub's answer.

    Raises:
        PasserelleError: the hub's code, or `peer_unavailable`, `peer_timeout`.
    """
    async with open_ports(settings, load_peers(settings)) as ports:
        if ports.preview is None:
            raise PasserelleError("peer_unavailable", "no hub")
        return await ports.preview.who_would_learn(imagined)
