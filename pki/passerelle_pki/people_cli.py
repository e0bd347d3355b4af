"""Commands with which people decide: codes, approvals, revocation, suspension, roll-over.

Each takes `--as`, the key file of the person who acts (mode 0600; never the key itself).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from passerelle.clock import SystemClock
from passerelle.config import load
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.registry_entry import Status
from passerelle_pki.authority import DATABASE_FILE, Authority, open_authority
from passerelle_pki.compose import open_desk, open_directory, open_publisher, own_registry
from passerelle_pki.config import PkiSettings
from passerelle_pki.enrolment import CODE_LIFETIME
from passerelle_pki.invitation import fingerprint, invite
from passerelle_pki.operators import Operator, Operators
from passerelle_pki.publish import Lists
from passerelle_pki.registry import Party
from passerelle_pki.rollover import Rollover
from passerelle_pki.store import open_database
from passerelle_pki.store.events import EventKind, EventStore
from passerelle_pki.store.revocations import RevocationStore

Config = Annotated[Path, Parameter(name="--config")]
Person = Annotated[Path, Parameter(name="--as")]
DEFAULT_CONFIG = Path("pki.toml")
CLOCK = SystemClock()
_MINUTE = 60_000_000


def operator(name: str, *, key: Path, config: Config = DEFAULT_CONFIG) -> None:
    """Enter a person who may make codes and approve; her key is made where the file is missing.

    Args:
        name: lower-case letters, digits, dot, dash.
        key: her own key file, which nobody else can read.
        config: configuration file.
    """
    settings = load(PkiSettings, config)
    made = Operators(settings.path(settings.operators)).add(name, key)
    _events(settings).append(EventKind.OPERATOR_ADDED, name, CLOCK.now(), key=made.key_id.hex())
    print(f"{name} acts with key {made.key_id.hex()[:16]}")


def enrol_code(
    identity: str, *, name: str, out: Path, person: Person, config: Config = DEFAULT_CONFIG
) -> None:
    """Make a one-time code (10 minutes) and the invitation of a newcomer.

    Args:
        identity: what it will be, spiffe://<trust domain>/<role>/<agency>.
        name: how people call it.
        out: where the invitation goes; send it as you like.
        person: key file of who acts.
        config: configuration file.
    """
    settings, who = load(PkiSettings, config), Identity.parse(identity)
    authority = _authority(settings)
    acting = _act(settings, person, "enrol-code", identity)
    code = open_desk(settings, authority, CLOCK).make_code(who, name, acting)
    out.write_bytes(invite(settings, authority, who).to_bytes())
    print(f"invitation   {out}")
    print("tell over a channel on which you know each other:")
    print(f"fingerprint  {fingerprint(authority)}")
    print(f"code         {code}   (once, within {CODE_LIFETIME // _MINUTE} minutes)")


def approve(agency: str, *, digest: str, person: Person, config: Config = DEFAULT_CONFIG) -> None:
    """Approve a newcomer's request: publish its entry, issue its leaf. Not by who made the code.

    Args:
        agency: the newcomer.
        digest: as the newcomer reads it aloud; at least 16 digits.
        person: key file of who acts.
        config: configuration file.
    """
    settings = load(PkiSettings, config)
    acting = _act(settings, person, "approve", agency, digest)
    desk = open_desk(settings, _authority(settings), CLOCK)
    try:
        done = desk.approve(agency, digest, acting)
    finally:
        publish(settings)
    print(f"{done.identity}: approved, entry published, leaf issued")


def reject(agency: str, *, person: Person, config: Config = DEFAULT_CONFIG) -> None:
    """Reject whatever waits of a newcomer.

    Args:
        agency: the newcomer.
        person: key file of who acts.
        config: configuration file.
    """
    settings = load(PkiSettings, config)
    acting = _act(settings, person, "reject", agency)
    print(f"{open_desk(settings, _authority(settings), CLOCK).reject(agency, acting)} requests rejected")


def revoke(
    serial: str, /, *further: str, reason: str, person: Person, config: Config = DEFAULT_CONFIG
) -> None:
    """Revoke certificates for ever, by serial number; calls under them are cut within a minute.

    Args:
        serial: hexadecimal, as `passerelle pki list` shows it.
        further: more of them.
        reason: for the book; no names of persons.
        person: key file of who acts.
        config: configuration file.
    """
    settings, now, serials = load(PkiSettings, config), CLOCK.now(), (serial, *further)
    acting = _act(settings, person, "revoke", *serials)
    try:
        numbers = [int(serial, 16) for serial in serials]
    except ValueError as error:
        raise PasserelleError("revoke_refused", "no hexadecimal number") from error
    store = RevocationStore(open_database(settings.path(settings.authority) / DATABASE_FILE))
    for number in numbers:
        store.add(number, now, reason, acting.name)
    publish(settings)
    print(f"{len(numbers)} revoked")


def suspend(agency: str, *, person: Person, config: Config = DEFAULT_CONFIG) -> None:
    """Suspend an agency everywhere by its registry entry; reversible.

    Args:
        agency: whom.
        person: key file of who acts.
        config: configuration file.
    """
    _status(agency, Status.SUSPENDED, person, config)


def resume(agency: str, *, person: Person, config: Config = DEFAULT_CONFIG) -> None:
    """End the suspension of an agency.

    Args:
        agency: whom.
        person: key file of who acts.
        config: configuration file.
    """
    _status(agency, Status.ACTIVE, person, config)


def rollover(
    step: Literal["prepare", "activate", "taint", "revoke"],
    *,
    number: int = 0,
    offline: Path | None = None,
    person: Person,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Take the next step of replacing the issuing authority: prepare, activate, taint, revoke.

    Args:
        step: the step.
        number: of the issuing authority, for taint and revoke; see `passerelle pki list`.
        offline: the folder with the root's key, for prepare and revoke.
        person: key file of who acts.
        config: configuration file.
    """
    settings = load(PkiSettings, config)
    acting = _act(settings, person, "rollover", step, str(number))
    turning = Rollover(settings.path(settings.authority), CLOCK)
    if step in ("prepare", "revoke") and offline is None:
        raise PasserelleError("rollover_refused", "--offline names the folder with the root's key")
    if step == "prepare" and offline is not None:
        number = turning.prepare(offline, acting.name)
    elif step == "activate":
        number = turning.activate(acting.name)
    elif step == "taint":
        turning.taint(number, acting.name)
    elif offline is not None:
        turning.revoke(number, offline, acting.name)
    publish(settings)
    print(f"issuing authority {number}: {step} done")


def export(agency: str, *, out: Path, config: Config = DEFAULT_CONFIG) -> None:
    """Write the certificate request of an approved newcomer, for another authority to sign.

    Args:
        agency: the newcomer.
        out: where the request (PEM) goes.
        config: configuration file.
    """
    settings = load(PkiSettings, config)
    out.write_bytes(open_desk(settings, _authority(settings), CLOCK).exported(agency))
    print(f"request in {out}; import the chain with `passerelle pki import {agency}`")


def import_(agency: str, chain: Path, *, config: Config = DEFAULT_CONFIG) -> None:
    """Take the chain that another authority issued, once it verifies under this trust domain's roots.

    Args:
        agency: the newcomer.
        chain: PEM, leaf first.
        config: configuration file.
    """
    settings = load(PkiSettings, config)
    done = open_desk(settings, _authority(settings), CLOCK).adopt(agency, chain.read_bytes())
    print(f"{done.identity}: leaf imported")


def publish(settings: PkiSettings) -> None:
    """Lay list and entries into the folders of `[publish]` now; `pki run` does so again and again."""
    lists = Lists(settings.path(settings.authority), CLOCK)
    if own_registry(settings, CLOCK) is not None or settings.directory is not None:
        open_publisher(settings, lists, open_directory(settings, CLOCK)).publish()


def _status(agency: str, status: Status, person: Path, config: Path) -> None:
    settings = load(PkiSettings, config)
    acting = _act(settings, person, str(status), agency)
    registry = own_registry(settings, CLOCK)
    if registry is None:
        raise PasserelleError("registry_entry_invalid", "this pki runs no registry")
    known = next((entry for entry in registry.entries() if entry.agency == agency), None)
    if known is None or known.status is Status.REMOVED:
        raise PasserelleError("agency_unknown", agency)
    _events(settings).append(  # first: the registry is another database, and nothing is done unsaid
        EventKind.ENTRY_PUBLISHED, acting.name, CLOCK.now(), agency=agency, status=str(status)
    )
    registry.publish(
        Party(agency, known.trust_domain, known.roles, known.name, known.roots_pem, known.manifest, status)
    )
    publish(settings)
    print(f"{agency}: {status}")


def _act(settings: PkiSettings, person: Path, act: str, *parts: str) -> Operator:
    return Operators(settings.path(settings.operators)).act(person, act, *parts)


def _authority(settings: PkiSettings) -> Authority:
    return open_authority(settings.path(settings.authority), CLOCK)


def _events(settings: PkiSettings) -> EventStore:
    return EventStore(open_database(settings.path(settings.authority) / DATABASE_FILE))
