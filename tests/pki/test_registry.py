"""The registry: numbered revisions, signed, kept, and never contradicting one another."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from passerelle.clock import SECOND, ManualClock
from passerelle.errors import PasserelleError
from passerelle.identity import Role
from passerelle.registry_entry import Status, verify_entry
from passerelle_pki.ceremony import create_authority
from passerelle_pki.registry import Party, Registry, create_registry, open_registry, read_public_key
from passerelle_pki.store import open_database
from passerelle_pki.store.entries import EntryStore


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def registry(tmp_path: Path, clock: ManualClock) -> Registry:
    return create_registry(tmp_path / "registry", clock)


@pytest.fixture
def party(tmp_path: Path, clock: ManualClock) -> Party:
    roots = create_authority(tmp_path / "authority", "police.example", clock).roots
    return Party("police", "police.example", (Role.TRUSTEE, Role.CONNECTOR), "Police", roots, b"manifest")


def test_an_entry_verifies_with_the_public_key_file(registry: Registry, party: Party, tmp_path: Path) -> None:
    key = read_public_key(tmp_path / "registry" / "registry.pub")
    entry = verify_entry(registry.publish(party), key)
    assert (entry.agency, entry.roots_pem, entry.manifest) == ("police", party.roots_pem, b"manifest")
    assert entry.roles == (Role.CONNECTOR, Role.TRUSTEE)
    assert (entry.revision, entry.status) == (1, Status.ACTIVE)


def test_publications_are_numbered_and_survive_a_restart(
    registry: Registry, party: Party, tmp_path: Path, clock: ManualClock
) -> None:
    registry.publish(party)
    registry.publish(replace(party, agency="customs"))
    clock.advance(SECOND)
    registry.publish(replace(party, status=Status.SUSPENDED))
    again = open_registry(tmp_path / "registry", clock)
    assert [(entry.agency, entry.revision, entry.status) for entry in again.entries()] == [
        ("customs", 1, Status.ACTIVE),
        ("police", 2, Status.SUSPENDED),
    ]
    assert again.entries()[1].issued == clock.now()
    assert [verify_entry(signed, again.public_key) for signed in again.signed()] == list(again.entries())


def test_a_name_keeps_its_trust_domain(registry: Registry, party: Party) -> None:
    registry.publish(party)
    with pytest.raises(PasserelleError, match="registry_entry_invalid"):
        registry.publish(replace(party, trust_domain="customs.example"))
    assert registry.entries()[0].trust_domain == "police.example"


def test_a_contradictory_party_is_refused(registry: Registry, party: Party) -> None:
    for wrong in (replace(party, roles=()), replace(party, name=""), replace(party, roots_pem=b"")):
        with pytest.raises(PasserelleError):
            registry.publish(wrong)
    assert registry.entries() == ()


def test_a_revision_is_kept_once_only(registry: Registry, party: Party, tmp_path: Path) -> None:
    signed = registry.publish(party)
    store = EntryStore(open_database(tmp_path / "registry" / "registry.sqlite"))
    with pytest.raises(PasserelleError, match="registry_entry_invalid"):
        store.add("police", 1, signed)
    assert store.current() == (signed,)


def test_a_changed_row_is_found_out(registry: Registry, party: Party, tmp_path: Path) -> None:
    registry.publish(party)
    with sqlite3.connect(tmp_path / "registry" / "registry.sqlite") as database:
        database.execute("update entry set payload = cast(replace(payload, 'active', 'removed') as blob)")
    database.close()
    with pytest.raises(PasserelleError, match="signature_invalid"):
        registry.entries()


@pytest.mark.usefixtures("registry")
def test_a_registry_is_never_overwritten(tmp_path: Path, clock: ManualClock) -> None:
    with pytest.raises(PasserelleError, match="authority_exists"):
        create_registry(tmp_path / "registry", clock)
    with pytest.raises(PasserelleError, match="authority_unreadable"):
        read_public_key(tmp_path / "absent.pub")
    assert (tmp_path / "registry" / "registry.pub").stat().st_size == 1984
