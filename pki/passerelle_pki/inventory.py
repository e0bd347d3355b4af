"""The inventory: every certificate of an authority, and how soon somebody has to act.

A warning stands at 30, 14, 7 and 1 days before the end of a root or issuing authority, for which people hold
a ceremony. Leaves live seven days and are renewed by themselves at half of it: a leaf is *overdue* once three
quarters of its life are gone and no newer one of its identity and use is there, and *to renew* where its
issuing authority is tainted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cryptography import x509

from passerelle.certificate import Usage, read_chain
from passerelle.clock import DAY, SECOND, Clock
from passerelle.identity import Identity
from passerelle.trust_checks import warning_days
from passerelle_pki.authority import DATABASE_FILE
from passerelle_pki.issuer import ISSUING_FILE, ROOT_FILE
from passerelle_pki.rollover import Rollover
from passerelle_pki.store import open_database
from passerelle_pki.store.certificates import CertificateStore, Issued
from passerelle_pki.store.generations import GenerationState
from passerelle_pki.store.revocations import RevocationStore


class Word(StrEnum):
    """What the inventory says of a certificate."""

    WELL = "valid"
    ENDS = "ends soon"
    OVERDUE = "overdue"
    RENEW = "to renew"
    REPLACED = "replaced"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Line:
    """One certificate. `days` is whole days left, `threshold` the warning reached (0: none)."""

    what: str
    serial: int
    until: int
    word: Word
    days: int
    threshold: int

    @property
    def warns(self) -> bool:
        """Whether somebody has to act."""
        return self.word in (Word.ENDS, Word.OVERDUE, Word.RENEW)


def authorities(folder: Path, clock: Clock) -> tuple[Line, ...]:
    """Root and issuing authorities."""
    now, found = clock.now(), list[Line]()
    root = read_chain((folder / ROOT_FILE).read_bytes())[0]
    found.append(_authority("root", root, now, Word.WELL))
    rollover = Rollover(folder, clock)
    for one in rollover.generations():
        if one.number == 1 and not (folder / ISSUING_FILE).exists():
            continue  # another authority issues
        word = Word.REVOKED if one.state is GenerationState.REVOKED else Word.WELL
        at_work = one.state in (GenerationState.ACTIVE, GenerationState.PREPARED)
        certificate = rollover.certificate(one.number)
        line = _authority(f"issuing authority {one.number}, {one.state}", certificate, now, word)
        found.append(line if at_work else Line(line.what, line.serial, line.until, word, line.days, 0))
    return tuple(found)


def leaves(folder: Path, clock: Clock) -> tuple[Line, ...]:
    """Every leaf, oldest first."""
    database, now = open_database(folder / DATABASE_FILE), clock.now()
    issued, revoked = CertificateStore(database).issued(), RevocationStore(database).serials()
    newest = {(leaf.identity, leaf.usage): leaf.serial for leaf in issued}
    tainted = _tainted(folder, clock)
    return tuple(_leaf(leaf, newest, revoked, tainted, now) for leaf in issued)


def warnings(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Those that somebody has to act on."""
    return tuple(line for line in lines if line.warns)


def _leaf(
    leaf: Issued, newest: dict[tuple[Identity, Usage], int], revoked: frozenset[int], since: int, now: int
) -> Line:
    days = max(0, (leaf.not_after - now) // DAY)
    latest = newest[leaf.identity, leaf.usage] == leaf.serial
    late = now > leaf.not_after - (leaf.not_after - leaf.not_before) // 4
    if leaf.serial in revoked:
        word = Word.REVOKED
    elif now >= leaf.not_after:
        word = Word.OVERDUE if latest else Word.EXPIRED
    elif not latest:
        word = Word.REPLACED
    elif leaf.not_before < since:
        word = Word.RENEW
    else:
        word = Word.OVERDUE if late else Word.WELL
    return Line(f"{leaf.identity} {leaf.usage}", leaf.serial, leaf.not_after, word, days, 0)


def _tainted(folder: Path, clock: Clock) -> int:
    """Leaves from before this time stand under a tainted authority; 0 where none is tainted."""
    generations = Rollover(folder, clock).generations()
    if not any(one.state is GenerationState.TAINTED for one in generations):
        return 0
    return max(one.changed for one in generations if one.state is GenerationState.ACTIVE)


def _authority(what: str, certificate: x509.Certificate, now: int, word: Word) -> Line:
    until = int(certificate.not_valid_after_utc.timestamp()) * SECOND
    days = max(0, (until - now) // DAY)
    near = warning_days(days) if word is Word.WELL else 0
    return Line(what, certificate.serial_number, until, Word.ENDS if near else word, days, near)
