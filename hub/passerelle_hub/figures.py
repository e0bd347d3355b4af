"""Figures for the operator: agencies, links, states. Counts and codes, never an identifier or a record id."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from passerelle.clock import DAY, moment
from passerelle.codec.signed import decode_signed
from passerelle.errors import PasserelleError
from passerelle.manifest import read_manifest
from passerelle.registry_entry import RegistryEntry, verify_entry
from passerelle.sign import VerifyingKey
from passerelle_hub.evaluations.reconcile import Tolerance, balances
from passerelle_hub.store import (
    Transaction,
    agencies,
    batches,
    clusters,
    dead_letters,
    decisions,
    evaluations,
    links,
    log_store,
    marks,
    notifications,
    records,
)


def read_status(tx: Transaction) -> dict[str, int | dict[str, int]]:
    """Counts by state of what a hub's database holds."""
    return {
        "batches": batches.counts(tx),
        "records": records.counts(tx),
        "index_rows": marks.count(tx),
        "links": links.counts(tx),
        "clusters": clusters.counts(tx),
        "dead_letters": dead_letters.counts(tx),
        "decisions": decisions.count(tx),
        "audit_events": log_store.counts(tx),
        "log_ticks": log_store.size(tx),
    }


def read_agencies(tx: Transaction, registry: VerifyingKey, now: int) -> list[dict[str, Any]]:
    """One row for each party of the registry, by name; an entry that does not hold is left out."""
    held, letters = records.counts(tx), dead_letters.counts(tx)
    sent = notifications.last_sequences(tx)
    rows: list[dict[str, Any]] = []
    for raw in agencies.entries(tx):
        try:
            entry = verify_entry(decode_signed(raw), registry)
        except PasserelleError:
            continue
        name = entry.agency
        rows.append(
            {
                "agency": name,
                "roles": " ".join(entry.roles),
                "status": entry.status.value,
                "revision": entry.revision,
                "sealing_key_until": _sealing_key_until(entry, now),
                "records": held.get(name, 0),
                "batches": batches.position(tx, name).next_sequence - 1,
                "notifications": sent.get(name, 0),
                "acknowledged": notifications.acknowledged(tx, name),
                "dead_letters": letters.get(name, 0),
            }
        )
    return rows


def read_links(tx: Transaction) -> dict[str, list[dict[str, Any]]]:
    """How many links there are by relation, state and band, and for each pair of agencies by state."""
    kinds = [
        {"relation": row.relation, "state": row.state, "band": row.band, "links": row.links}
        for row in links.by_kind(tx)
    ]
    pairs = [
        {"agencies": f"{row.first} {row.second}", "state": row.state, "links": row.links}
        for row in links.by_pair(tx)
    ]
    return {"kinds": kinds, "pairs": pairs}


def read_evaluations(tx: Transaction, now: int, tolerance: Tolerance) -> dict[str, list[dict[str, Any]]]:
    """What agencies had evaluated beside what they submitted, and when each trustee reported last."""
    today = now // DAY
    trustees = [
        {"trustee": name, "days_behind": today - day, "reported": moment(made).isoformat(timespec="seconds")}
        for name, (day, made) in sorted(evaluations.last_reports(tx).items())
    ]
    return {"evaluations": [asdict(row) for row in balances(tx, today, tolerance)], "trustees": trustees}


def _sealing_key_until(entry: RegistryEntry, now: int) -> str:
    """The day (UTC) that the last sealing key ends on; empty where there is none to seal to now."""
    if not entry.manifest:
        return ""
    try:
        manifest = read_manifest(entry.manifest, entry.agency)
        manifest.current_sealing_key(now)
    except PasserelleError:
        return ""
    return moment(max(key.valid_until for key in manifest.sealing_keys)).date().isoformat()
