"""What policy is told: markings and codes of records and callers, never the value of an identifier.

The only place where the hub turns its own types into policy inputs; the shapes are the schemas under
`policies/schemas/input`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from passerelle.catalogue import Catalogue
from passerelle.marking import Marking
from passerelle.record import BatchStatement, Header, RecordAction
from passerelle_hub.policy.model import PolicyRequest

AUTOMATIC = "automatic"


def tiers(catalogue: Catalogue, kinds: Iterable[int]) -> list[str]:
    """The tiers that a set of key kinds belongs to, sorted."""
    return sorted({catalogue.kinds[kind].tier.value for kind in kinds})


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


def submission(
    statement: BatchStatement, header: Header, key_tiers: list[str], role: str, now: int
) -> PolicyRequest:
    """May this agency put, or withdraw, this record?"""
    record = marking_facts(header.marking, header.agency, statement.domain)
    record |= {
        "entity": header.entity.value,
        "key_tiers": key_tiers,
        "normaliser": statement.normaliser,
        "case": header.marking.case_reference,
    }
    action = "withdraw" if header.action is RecordAction.WITHDRAW else "put"
    subject = {"agency": statement.agency, "role": role}
    return PolicyRequest("submission", action, subject, record, {"channel": AUTOMATIC}, now)


def match(
    first: Mapping[str, object], second: Mapping[str, object], proven_tiers: list[str], now: int
) -> PolicyRequest:
    """May these two records be linked at all?"""
    context = {"counterpart": second, "proven_tiers": proven_tiers}
    return PolicyRequest("match", "link", {}, first, context, now)


def notify(
    recipient: str,
    role: str,
    own: Mapping[str, object],
    counterpart: Mapping[str, object],
    link_state: str,
    now: int,
) -> PolicyRequest:
    """Who learns of a link, and what of it?"""
    context = {"counterpart": counterpart, "link_state": link_state}
    return PolicyRequest("notify", "notify", {"agency": recipient, "role": role}, own, context, now)


def admin(agency: str, role: str, action: str, now: int) -> PolicyRequest:
    """May this caller read, or do, this?"""
    return PolicyRequest("admin", action, {"agency": agency, "role": role}, None, {}, now)
