"""`passerelle connector judge`: say what a link is, in the name of a person and for a case."""

from __future__ import annotations

import asyncio

from cyclopts import App

from passerelle.clock import moment
from passerelle.config import load
from passerelle.judgement import JudgementReceipt, Reason, Verdict
from passerelle.log import configure
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.display import show_one
from passerelle_connector.explain import words
from passerelle_connector.judge.compose import judge_link
from passerelle_connector.judge.give import Finding
from passerelle_connector.options import DEFAULT, AsJson, Config


def add_to(app: App) -> None:
    """Put the command on `passerelle connector`."""
    app.command(judge)


def judge(
    link: str,
    verdict: Verdict,
    /,
    *,
    reason: Reason,
    user: str,
    purpose: str,
    legal_basis: str,
    case: str,
    clearance: int,
    lang: str = "en",
    config: Config = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Say what a link of yours is. The other agency is told of the link's new state, and may object.

    A judgement is never overwritten; who thinks otherwise later judges again, and the last one counts.

    Args:
        link: the link's id, as `inbox` shows it.
        verdict: what was found.
        reason: what it rests on.
        user: who judges, by your agency's own pseudonym for the person.
        purpose: what for, a code of the policies.
        legal_basis: by which law, a code of the policies.
        case: the case's reference.
        clearance: the person's, 1 to 5.
        lang: of the answer: en, fr, nl or de.
        config: the connector's configuration.
        as_json: print JSON.
    """
    settings = load(ConnectorSettings, config)
    configure("connector", settings.log_level)
    states = words(lang).states
    finding = Finding(link, verdict, reason, user, purpose, legal_basis, case, clearance)
    receipt = asyncio.run(judge_link(settings, finding))
    if as_json:
        show_one(as_json_of(receipt), "judgement", as_json=True)
    else:
        print(states.get(receipt.verdict, receipt.verdict))


def as_json_of(receipt: JudgementReceipt) -> dict[str, str]:
    """The receipt as JSON; ids as hexadecimal."""
    return {
        "link": receipt.link_id.hex(),
        "state": receipt.state.value,
        "verdict": receipt.verdict.value,
        "judgement": receipt.judgement_id.hex(),
        "recorded": moment(receipt.recorded).isoformat(),
        "decision": receipt.decision_id,
        "policy_revision": receipt.policy_revision,
        "audit_event": receipt.audit_event.hex(),
    }
