"""Reading an engine's answer: the exact contract or nothing.

An answer that merely looks generous is not one. `allow` must be `True` itself, not a truthy text; every
obligation and redaction must be known, since an obligation that nobody carries out is a rule that nobody
obeys; both revisions must be the active ones; an allow names a grant and no reason, a denial a reason and
nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, cast

from passerelle_hub.policy.jsonvalue import as_list, as_object
from passerelle_hub.policy.model import OBLIGATIONS, REDACTIONS, SCHEMA, Obligation, Reason, Scalar

_FIELDS: Final = frozenset(
    {
        "schema",
        "allow",
        "grants",
        "reasons",
        "obligations",
        "redactions",
        "policy_revision",
        "data_revision",
    }
)
_REASON: Final = frozenset({"code", "params"})
_OBLIGATION: Final = frozenset({"type", "value"})


class AnswerRefusedError(Exception):
    """An answer out of contract; the message says how, without quoting it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A raw answer that kept the contract, in canonical order."""

    allow: bool
    grants: tuple[str, ...]
    reasons: tuple[Reason, ...]
    obligations: tuple[Obligation, ...]
    redactions: tuple[str, ...]


def read_answer(raw: object, policy_revision: str, data_revision: str) -> Answer:
    """Parse one raw answer.

    Raises:
        AnswerRefusedError: it breaks the contract in any way.
    """
    given = _object(raw, _FIELDS)
    if type(given["schema"]) is not int or given["schema"] != SCHEMA:
        raise AnswerRefusedError("another schema")
    if (given["policy_revision"], given["data_revision"]) != (policy_revision, data_revision):
        raise AnswerRefusedError("another revision than the active one")
    if given["allow"] is not True and given["allow"] is not False:
        raise AnswerRefusedError("allow is neither true nor false")
    answer = Answer(
        allow=given["allow"],
        grants=_words(given["grants"]),
        reasons=_reasons(given["reasons"]),
        obligations=_obligations(given["obligations"]),
        redactions=_words(given["redactions"]),
    )
    _coherent(answer)
    return answer


def _coherent(answer: Answer) -> None:
    if not REDACTIONS.issuperset(answer.redactions):
        raise AnswerRefusedError("unknown redaction")
    if answer.allow and (not answer.grants or answer.reasons):
        raise AnswerRefusedError("an allow without grant, or with reasons")
    if not answer.allow and (not answer.reasons or answer.grants or answer.obligations or answer.redactions):
        raise AnswerRefusedError("a denial without reason, or with grants or obligations")


def _object(value: object, fields: frozenset[str]) -> dict[str, Any]:
    given = as_object(value)
    if given is None or given.keys() != fields:
        raise AnswerRefusedError("no object, or fields missing or unknown")
    return given


def _list(value: object) -> list[Any]:
    given = as_list(value)
    if given is None:
        raise AnswerRefusedError("not a list")
    return given


def _words(value: object) -> tuple[str, ...]:
    words = _list(value)
    if not all(isinstance(word, str) and word for word in words):
        raise AnswerRefusedError("not a list of words")
    return tuple(sorted(words))


def _reasons(value: object) -> tuple[Reason, ...]:
    return tuple(sorted((_reason(entry) for entry in _list(value)), key=repr))


def _reason(entry: object) -> Reason:
    given = _object(entry, _REASON)
    params = as_object(given["params"])
    if not isinstance(given["code"], str) or not given["code"] or params is None:
        raise AnswerRefusedError("not a reason")
    if not all(type(item) in (bool, int, str) for item in params.values()):
        raise AnswerRefusedError("a reason's parameter is no scalar")
    return Reason(given["code"], tuple(sorted(params.items())))


def _obligations(value: object) -> tuple[Obligation, ...]:
    found = tuple(sorted((_obligation(entry) for entry in _list(value)), key=lambda item: item.type))
    if len({item.type for item in found}) != len(found):
        raise AnswerRefusedError("an obligation twice")
    return found


def _obligation(entry: object) -> Obligation:
    given = _object(entry, _OBLIGATION)
    kind, value = given["type"], given["value"]
    if not isinstance(kind, str) or type(value) is not OBLIGATIONS.get(kind):
        raise AnswerRefusedError("unknown obligation, or a value of another type")
    return Obligation(kind, cast("Scalar", value))
