"""`passerelle connector query`: hit or no hit, for one person, organisation or means.

What is known comes as a JSON object from a file or standard input and never as an argument, which other users
of the machine could read. Field names are those of `[map]`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from cyclopts import App

from passerelle.config import load
from passerelle.errors import PasserelleError
from passerelle.log import configure
from passerelle.query import Answer, Hit
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.display import show, show_one
from passerelle_connector.normalise import FIELDS
from passerelle_connector.options import DEFAULT, AsJson, Config
from passerelle_connector.query.ask import Inquiry
from passerelle_connector.query.compose import ask_hub

_SHOWN = ("visibility=", "counterpart=", "uniform_answer=")
"""Obligations that say what other columns show, or what the hub does."""


def add_to(app: App) -> None:
    """Put the command on `passerelle connector`."""
    app.command(query)


def query(
    file: Path | None = None,
    *,
    user: str,
    purpose: str,
    legal_basis: str,
    case: str,
    clearance: int,
    manual: bool = False,
    config: Config = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Ask the hub whether anybody holds somebody, without storing a record. Owners may be told who asked.

    Args:
        file: a JSON object of what is known, as {"family_name": "...", "born": "..."}; else standard input.
        user: who asks, by your agency's own pseudonym for the person.
        purpose: what for, a code of the policies.
        legal_basis: by which law, a code of the policies.
        case: the case's reference.
        clearance: the person's, 1 to 5.
        manual: a person pushed this question by hand (domains without automatic connection demand it).
        config: the connector's configuration.
        as_json: print JSON.
    """
    settings = load(ConnectorSettings, config)
    configure("connector", settings.log_level)
    inquiry = Inquiry(read_fields(file), user, purpose, legal_basis, case, clearance, manual)
    answer = asyncio.run(ask_hub(settings, inquiry))
    if as_json:
        show_one(as_json_of(answer), "answer", as_json=True)
        return
    print("hit" if answer.hit else "no hit")
    if answer.hits:
        show([_row(one) for one in answer.hits], "what you may know", as_json=False)
    if answer.more:
        print("there is more than an answer holds")


def read_fields(file: Path | None) -> dict[str, tuple[str, ...]]:
    """What is known, by field.

    Raises:
        PasserelleError: `query_unusable`, no such file, no JSON object of texts, or a field that is none.
    """
    try:
        text = sys.stdin.read() if file is None else file.read_text("utf-8")
        given = json.loads(text)
    except OSError as error:
        raise PasserelleError("query_unusable", f"{error.filename}: {error.strerror}") from error
    except ValueError as error:
        raise PasserelleError("query_unusable", f"the file: {type(error).__name__}") from error
    if not isinstance(given, dict) or not given:
        raise PasserelleError("query_unusable", "not a JSON object")
    return {name: _values(name, value) for name, value in cast("dict[str, Any]", given).items()}


def _values(name: str, value: object) -> tuple[str, ...]:
    values = cast("list[object]", value) if isinstance(value, list) else [value]
    if name not in FIELDS or not all(isinstance(one, str) for one in values):
        raise PasserelleError("query_unusable", f"{name}: no such field, or no text")
    return tuple(str(one) for one in values)


def as_json_of(answer: Answer) -> dict[str, Any]:
    """The answer as JSON; ids as hexadecimal."""
    return {
        "hit": answer.hit,
        "hits": [asdict(one) for one in answer.hits],
        "more": answer.more,
        "query": answer.query_id.hex(),
        "decision": answer.decision_id,
        "policy_revision": answer.policy_revision,
        "weights": answer.weights,
        "audit_event": answer.audit_event.hex(),
    }


def _row(one: Hit) -> dict[str, str]:
    return {
        "what": one.visibility,
        "holder": one.counterpart,
        "relation": one.relation.value,
        "band": one.band.value,
        "agrees": ", ".join(row.field for row in one.agreements if row.level not in {"", "disagree"}),
        "handling": one.handling,
        "conditions": " ".join(text for text in one.obligations if not text.startswith(_SHOWN)),
    }
