"""Export of the log and of what the hub holds, for a verifier that needs no hub (`passerelle.audit.layout`).

One reading transaction, so that rows and events are of one moment; the running hub is not held up. Nothing of
it opens anything: sections leave as their digests, index rows as their marks, notifications as digests. Who
may hold an export may know every figure, code and id of the log: it is for the supervisor.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from passerelle.audit import names
from passerelle.audit.layout import FORMAT, TICKS_A_FILE, event_out, row_out, tick_out, ticks_file
from passerelle.audit.rows import Fields, fields_out
from passerelle.audit.tiles import tiles_of
from passerelle.checkpoint import Checkpoint
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.note import Note
from passerelle_hub.logbook import vouch
from passerelle_hub.logbook.witnesses import cosigned
from passerelle_hub.store import Database, Transaction, exports, log_store, manifests, timestamps
from passerelle_hub.store.decisions import StoredDecision
from passerelle_hub.transparency import latest, tile_of


class Exporter:
    """Writes exports into new folders."""

    def __init__(self, database: Database, hub: Identity) -> None:
        self._database = database
        self._hub = hub

    def write(self, folder: Path) -> int:
        """Write an export; returns how many ticks the checkpoint covers.

        Raises:
            PasserelleError: `proof_unavailable`, no checkpoint was signed yet.
            FileExistsError: the folder is there already.
        """
        with self._database.read() as tx:
            stored = latest(tx)
            size = Checkpoint.parse(Note.parse(stored.note).text).size
            folder.mkdir(parents=True)
            about = {"format": FORMAT, "origin": str(self._hub)}
            _write(folder / "about.json", [json.dumps(about) + "\n"])
            (folder / "checkpoint").write_bytes(cosigned(tx, stored.size, stored.note))
            self._tree(tx, folder, size)
            self._stamps(tx, folder, size)
            self._events(tx, folder, size)
            for table, lines in _tables(tx).items():
                _write(folder / "rows" / f"{table}.jsonl", lines)
        return size

    def _tree(self, tx: Transaction, folder: Path, size: int) -> None:
        offered = log_store.offered_checkpoint(tx)
        if offered is not None:
            (folder / "witnessed").write_bytes(cosigned(tx, offered.size, offered.note))
        for tile in tiles_of(size):
            path = folder / tile.path
            path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(PasserelleError):  # what the database has lost is for the verifier to miss
                path.write_bytes(tile_of(tx, tile))

        (folder / "nodes").mkdir()
        for level in range(1, size.bit_length()):
            if level % 8:
                with (folder / "nodes" / f"{level}.bin").open("wb") as file:
                    file.writelines(exports.nodes(tx, level, size >> level))

    def _stamps(self, tx: Transaction, folder: Path, size: int) -> None:
        for number, note, answer in timestamps.every(tx, size):
            place = folder / "timestamps"
            place.mkdir(exist_ok=True)
            (place / f"{number}.note").write_bytes(note)
            (place / f"{number}.tsr").write_bytes(answer)

    def _events(self, tx: Transaction, folder: Path, size: int) -> None:
        lines = (tick_out(tick.closed, tick.salt, tick.events) for tick in exports.ticks(tx, size))
        for number in range(0, size, TICKS_A_FILE):
            _write(folder / ticks_file(number), _some(lines, TICKS_A_FILE))
        _write(folder / "tail.jsonl", (row_out_event(event) for event in exports.tail(tx, size)))


def row_out_event(event: Any) -> str:
    """An event of the tail as its line."""
    return json.dumps(event_out(event), separators=(",", ":")) + "\n"


def _tables(tx: Transaction) -> dict[str, Iterator[str]]:
    """The lines of each table."""
    return {
        "agency": (_row(names.agency(row[0]), vouch.agency_fields(*row)) for row in exports.entries(tx)),
        "manifest": (
            _row(
                names.manifest(row.agency, row.digest),
                vouch.manifest_fields(row.agency, row.sequence, row.signed),
            )
            for row in manifests.every(tx)
        ),
        "batch": (_batch(row, keks) for row, keks in exports.batches(tx)),
        "chain": (
            row_out(
                {
                    "agency": row.agency,
                    "next_sequence": row.next_sequence,
                    "previous": bytes(row.previous).hex(),
                }
            )
            for row in exports.chains(tx)
        ),
        "counter": (
            row_out({"agency": row.agency, "last_notification": row.last_notification})
            for row in exports.counters(tx)
        ),
        "acknowledged": (
            _row(names.acknowledged(row.agency), vouch.acknowledged_fields(row.agency, row.acknowledged))
            for row in exports.counters(tx)
            if row.acknowledged
        ),
        "header": (_header(row) for row in exports.headers(tx)),
        "record": (_record(held) for held in exports.records(tx)),
        "population": (
            row_out({"domain": row.domain, "agency": row.agency, "visible": row.visible})
            for row in exports.populations(tx)
        ),
        "index": (_row(f"index/{key}", {"record": key}) for key in exports.strays(tx)),
        "link": (_row(names.link(row.link_id), vouch.link_fields(row)) for row in exports.links(tx)),
        "judgement": (
            _row(names.judgement(row.agency, row.judgement_id), vouch.judgement_fields(row, link_id))
            for row, link_id in exports.judgements(tx)
        ),
        "notification": (
            _row(names.notification(row.agency, row.sequence), vouch.notification_fields(row, link_id))
            for row, link_id in exports.notifications(tx)
        ),
        "letter": (
            _row(names.letter(agency, link_id), vouch.letter_fields(agency, link_id))
            for agency, link_id in exports.letters(tx)
        ),
        "decision": (_decision(row) for row in exports.decisions(tx)),
        "report": (
            _row(
                f"report/{row.trustee}/{row.day}",
                vouch.report_fields(row.trustee, row.day, row.made, bytes(row.signed)),
            )
            for row in exports.reports(tx)
        ),
    }


def _row(subject: str, fields: Fields) -> str:
    return row_out({"subject": subject, "fields": fields_out(fields)})


def _decision(row: StoredDecision) -> str:
    fields = {**vouch.decision_fields(row), "decided": row.decided}
    return row_out({"id": row.decision, "fields": fields_out(fields)})


def _batch(row: Any, keks: Iterable[Any]) -> str:
    return row_out(
        {
            "agency": row.agency,
            "batch": bytes(row.batch_id).hex(),
            "sequence": row.sequence,
            "digest": bytes(row.digest).hex(),
            "statement": bytes(row.statement).hex(),
            "domain": row.domain,
            "epoch": row.epoch,
            "state": row.state,
            "received": row.received,
            "receipt": bytes(row.receipt).hex(),
            "left_out": bytes(row.left_out or b"").hex(),
            "keks": [[kek.recipient, bytes(kek.key_id).hex(), bytes(kek.sealed).hex()] for kek in keks],
        }
    )


def _header(row: Any) -> str:
    return row_out(
        {
            "batch": bytes(row.batch_id).hex(),
            "position": row.position,
            "key": row.record_pk,
            "agency": row.agency or "",
            "record": bytes(row.record_id or b"").hex(),
            "revision": row.revision,
            "header": bytes(row.header).hex(),
            "decision": row.decision,
            "salt": bytes(row.salt).hex(),
            "body": bytes(row.body).hex(),
        }
    )


def _record(held: exports.HeldRecord) -> str:
    row = held.row
    return row_out(
        {
            "key": row.record_pk,
            "agency": row.agency,
            "record": bytes(row.record_id).hex(),
            "revision": row.revision,
            "batch": bytes(row.batch_id or b"").hex(),
            "state": row.state,
            "entity": row.entity,
            "domain": row.domain,
            "epoch": row.epoch,
            "marking": bytes(row.marking).hex(),
            "kinds": bytes(row.kinds).hex(),
            "marks": bytes(row.marks).hex(),
            "expiry": row.expiry,
            "embargoed": bool(row.embargoed),
            "header": bytes(row.header or b"").hex(),
            "salt": bytes(row.salt or b"").hex(),
            "index": [[mark.hex(), kind] for mark, kind in held.index],
            "wraps": [[section, recipient, wrapped.hex()] for section, recipient, wrapped in held.wraps],
            "sections": [
                [name, hashlib.sha256(ciphertext).hexdigest(), len(ciphertext)]
                for name, ciphertext in held.sections
            ],
        }
    )


def _some(lines: Iterator[str], count: int) -> Iterator[str]:
    for _, line in zip(range(count), lines, strict=False):
        yield line


def _write(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.writelines(lines)
