"""A decision in words: which rules granted or denied it, on what conditions, by which revision.

Everything is read from the decision as it was stored when it was taken; nothing is decided again. A decision
that was taken before its grants and obligations were stored says only whether it was allowed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from passerelle.clock import moment
from passerelle.errors import PasserelleError
from passerelle.policy_words import PolicyWords, policy_words
from passerelle_hub.policy.outcome import Outcome, read_outcome
from passerelle_hub.store import Transaction, decisions


@dataclass(frozen=True, slots=True)
class Line:
    """One rule's part in a decision. `kind` is grant, reason, obligation or redaction."""

    kind: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision in one language. `decided` is in microseconds (UTC)."""

    decision: str
    package: str
    action: str
    agency: str
    allow: bool
    headline: str
    lines: tuple[Line, ...]
    policy_revision: str
    data_revision: str
    decided: int
    language: str

    def as_text(self) -> str:
        """For people."""
        words = policy_words(self.language).sentences
        lead = {
            "grant": words["granted"],
            "reason": words["refused"],
            "obligation": words["obliged"],
            "redaction": words["withheld"],
        }
        rows = [
            f"{self.headline}.",
            *(f"  {lead[line.kind]}: {line.text} [{line.code}]" for line in self.lines),
        ]
        when = moment(self.decided).isoformat(timespec="seconds")
        revision = f"{self.policy_revision}+{self.data_revision}"
        return "\n".join([*rows, f"{self.decision}, {when}, {words['revision']} {revision}"])


def explain(tx: Transaction, decision_id: str, language: str) -> Explanation:
    """Explain one stored decision.

    Raises:
        PasserelleError: `decision_unknown`, `language_unknown`.
    """
    words = policy_words(language)
    stored = decisions.find(tx, decision_id)
    if stored is None:
        raise PasserelleError("decision_unknown")
    given: dict[str, Any] = json.loads(stored.input) if stored.input else {}
    action = str(given.get("action", ""))
    outcome = read_outcome(allow=stored.allow, reasons=stored.reasons, granted=stored.outcome)
    said = words.sentences
    question = f"{said['decided']} {stored.package} ({action or '?'})"
    asked = f", {said['for_agency']} {stored.agency}" if stored.agency else ""
    return Explanation(
        decision=stored.decision,
        package=stored.package,
        action=action,
        agency=stored.agency,
        allow=stored.allow,
        headline=f"{question}{asked}: {said['allowed' if stored.allow else 'denied']}",
        lines=tuple(lines(outcome, words)),
        policy_revision=stored.policy_revision,
        data_revision=stored.data_revision,
        decided=stored.decided,
        language=language,
    )


def lines(outcome: Outcome, words: PolicyWords) -> Iterator[Line]:
    """Each rule's part, in words."""
    for grant in outcome.grants:
        yield Line("grant", grant, words.grant(grant))
    for reason in outcome.reasons:
        yield Line("reason", reason.code, words.reason(reason.code, dict(reason.params)))
    for item in outcome.obligations:
        yield Line("obligation", item.type, words.obligation(item.type, item.value))
    for name in outcome.redactions:
        yield Line("redaction", name, words.redaction(name))
