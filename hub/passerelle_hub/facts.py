"""What policy is told: markings and codes of records and callers, never the value of an identifier.

The only place where the hub turns its own types into policy inputs; the shapes are the schemas under
`policies/schemas/input`. A request about one record carries a fingerprint: everything it was made from. One
about a pair does not, since the same two markings hardly ever meet again.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from passerelle.catalogue import Catalogue
from passerelle.codec.header import decode_marking
from passerelle.groups import EntityKind
from passerelle.judgement import Judgement
from passerelle.marking import Marking
from passerelle.query import Question
from passerelle.record import RecordAction
from passerelle_hub.policy.model import Facts, PolicyRequest

AUTOMATIC = "automatic"


def tiers(catalogue: Catalogue, kinds: Iterable[int]) -> tuple[str, ...]:
    """The tiers that a set of key kinds belongs to, sorted."""
    return tuple(tier.value for tier in sorted({catalogue.kinds[kind].tier for kind in kinds}))


def marking_facts(marking: Marking, originator: str, domain: str) -> dict[str, object]:
    """One record as policy sees it."""
    return {
        "originator": originator,
        "domain": domain,
        "classification": int(marking.classification),
        "handling": marking.handling.value,
        "handling_condition": marking.handling_condition,
        "tlp": marking.tlp.value,
        "ter_category": marking.ter_category.value,
        "subject_category": marking.subject_category.value,
        "purposes": list(marking.purposes),
        "legal_basis": marking.legal_basis,
        "age_band": marking.age_band.value,
        "embargoed": marking.embargoed,
        "special_categories": list(marking.special_categories),
        "releasable_to": list(marking.releasable_to),
    }


@lru_cache(maxsize=4096)  # a partner's records come under a few hundred markings
def submission(
    agency: str,
    role: str,
    protocol: tuple[str, str],
    action: RecordAction,
    entity: EntityKind,
    marking: bytes,
    key_tiers: tuple[str, ...],
) -> PolicyRequest:
    """May this agency put, or withdraw, this record?

    `protocol` is domain and normaliser; `marking` as `encode_marking` writes it. Every parameter is part of
    the fingerprint: what policy is told follows from them alone.
    """
    domain, normaliser = protocol
    said = decode_marking(marking)
    record = marking_facts(said, agency, domain)
    record |= {
        "entity": entity.value,
        "key_tiers": list(key_tiers),
        "normaliser": normaliser,
        "case": said.case_reference,
    }
    verb = "withdraw" if action is RecordAction.WITHDRAW else "put"
    fingerprint = (agency, role, protocol, action, entity, marking, key_tiers)
    subject, context = {"agency": agency, "role": role}, {"channel": AUTOMATIC}
    return PolicyRequest("submission", verb, subject, record, context, fingerprint=fingerprint)


class Side(NamedTuple):
    """A stored record as far as policy knows it: its marking's bytes, originator, domain."""

    marking: bytes
    originator: str
    domain: str


@lru_cache(maxsize=4096)
def side_facts(side: Side) -> Facts:
    """One side of a pair as policy sees it."""
    return Facts(marking_facts(decode_marking(side.marking), side.originator, side.domain))


def match(one: Side, other: Side, proven_tiers: tuple[str, ...]) -> PolicyRequest:
    """May these two records be linked at all?

    The answer is the same whichever stands first (`policies/match.rego`), so the sides are put in order of
    their originators, and one question serves both.
    """
    first, second = (one, other) if one.originator <= other.originator else (other, one)
    context = {"counterpart": side_facts(second), "proven_tiers": list(proven_tiers)}
    return PolicyRequest("match", "link", {}, side_facts(first), context)


def closer(linking: PolicyRequest) -> PolicyRequest:
    """May the two records of such a request be compared more finely?"""
    return linking._replace(action="look_closer")


def notify(recipient: str, role: str, own: Side, counterpart: Side, link_state: str) -> PolicyRequest:
    """Who learns of a link, and what of it?"""
    context = {"counterpart": side_facts(counterpart), "link_state": link_state}
    return PolicyRequest("notify", "notify", _subject(recipient, role), side_facts(own), context)


@lru_cache(maxsize=1024)
def _subject(agency: str, role: str) -> Facts:
    return Facts({"agency": agency, "role": role})


def query_ask(question: Question, key_tiers: tuple[str, ...]) -> PolicyRequest:
    """May this question be put at all?"""
    asked = {
        "entity": question.entity.value,
        "age_band": question.age_band,
        "subject_category": question.subject_category,
        "normaliser": question.normaliser,
        "key_tiers": list(key_tiers),
        "special_categories": list(question.special_categories),
    }
    context = {**_asked_for(question), "channel": question.channel, "question": asked}
    return PolicyRequest("query", "ask", _asker(question), None, context)


def query_hit(question: Question, record: Side, proven_tiers: tuple[str, ...]) -> PolicyRequest:
    """May this record be told to the asker, and what of it?"""
    context = {**_asked_for(question), "proven_tiers": list(proven_tiers)}
    return PolicyRequest("query", "hit", _asker(question), side_facts(record), context)


def _asker(question: Question) -> dict[str, object]:
    return {
        "agency": question.agency,
        "role": "analyst",
        "user": question.user,
        "clearance": question.clearance,
    }


def _asked_for(question: Question) -> dict[str, object]:
    return {
        "purpose": question.purpose,
        "legal_basis": question.legal_basis,
        "case": question.case_reference,
        "domain": question.domain,
    }


def judge(judgement: Judgement, low: Side, high: Side, link_state: str) -> PolicyRequest:
    """May this person judge the link of these two records?"""
    first, second = decode_marking(low.marking), decode_marking(high.marking)
    subject = {
        "agency": judgement.agency,
        "role": "analyst",
        "user": judgement.user,
        "clearance": judgement.clearance,
    }
    held = {
        "originators": sorted({low.originator, high.originator}),
        "domain": low.domain,
        "classification": max(int(first.classification), int(second.classification)),
        "purposes": sorted(set(first.purposes) & set(second.purposes)),
        "embargoed": first.embargoed or second.embargoed,
    }
    context = {
        "purpose": judgement.purpose,
        "legal_basis": judgement.legal_basis,
        "case": judgement.case_reference,
        "link_state": link_state,
        "verdict": judgement.verdict.value,
        "justified": True,  # a judgement without a reason is none
    }
    return PolicyRequest("case", "judge", subject, held, context)


def handling(record: Side) -> str:
    """The handling code of a record."""
    return decode_marking(record.marking).handling.value


def admin(agency: str, role: str, action: str, now: int, purpose: str = "") -> PolicyRequest:
    """May this caller read, or do, this? Some actions need a purpose."""
    context = {"purpose": purpose} if purpose else {}
    return PolicyRequest("admin", action, {"agency": agency, "role": role}, None, context, now)
