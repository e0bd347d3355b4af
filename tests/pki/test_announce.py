"""A party's next manifest is published by the registry itself, and nothing but the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from parties import manifest_of

from passerelle.clock import DAY, ManualClock, SystemClock
from passerelle.codec.signed import decode_signed, encode_signed
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.manifest import KeyManifest, issue, read_manifest
from passerelle.registry_entry import Status
from passerelle.rpc.authority import AuthorityClient
from passerelle.rpc.channel import open_channel
from passerelle.sign import Signed, SigningKey
from passerelle_pki.announce import EACH, Announcements
from passerelle_pki.ceremony import create_authority
from passerelle_pki.compose import build_server
from passerelle_pki.config import PkiSettings
from passerelle_pki.registry import Party, Registry, create_registry

DOMAIN = "police.example"
POLICE = Identity(DOMAIN, Role.CONNECTOR, "police")


@dataclass
class Office:
    """A registry in which one party stands, and that party's keys."""

    folder: Path
    clock: ManualClock
    registry: Registry
    key: SigningKey
    first: KeyManifest
    roots: bytes

    def party(self, manifest: bytes, status: Status = Status.ACTIVE) -> Party:
        return Party("police", DOMAIN, (Role.CONNECTOR,), "Police", self.roots, manifest, status)

    def next(self, known: KeyManifest, **changes: object) -> Signed:
        fields = {
            "sequence": known.sequence + 1,
            "previous": known.digest,
            "issued": self.clock.now(),
            **changes,
        }
        return issue(self.key, replace(known, **fields))  # type: ignore[arg-type] # fields by name

    def held(self) -> KeyManifest:
        (entry,) = self.registry.entries()
        return read_manifest(entry.manifest, "police")


@pytest.fixture
def office(tmp_path: Path) -> Office:
    clock = ManualClock(SystemClock().now())
    roots = create_authority(tmp_path / "authority", DOMAIN, clock).roots
    registry, key, now = create_registry(tmp_path / "registry", clock), SigningKey.generate(), clock.now()
    raw = manifest_of(POLICE, key, SigningKey.generate().public, None, now, now + 400 * DAY)
    made = Office(tmp_path, clock, registry, key, read_manifest(raw, "police"), roots)
    registry.publish(made.party(raw))
    return made


def code(action: Callable[[], object]) -> str:
    with pytest.raises(PasserelleError) as caught:
        action()
    return caught.value.code


def test_a_successor_is_published_once_and_nothing_else_changes(office: Office) -> None:
    desk = Announcements(office.registry, office.clock)
    before = office.registry.entries()[0]
    second = office.next(office.first)
    assert desk.take(second) == 2
    after = office.registry.entries()[0]
    assert after == replace(before, manifest=encode_signed(second), revision=2, issued=office.clock.now())
    assert desk.take(second) == 2  # said twice
    assert office.registry.entries()[0] == after


def test_nothing_but_the_successor_is_taken(office: Office) -> None:
    desk = Announcements(office.registry, office.clock)
    second = office.next(office.first)
    thief = SigningKey.generate()
    theirs = replace(office.first, sequence=2, previous=office.first.digest, manifest_key=thief.public)
    resigned = issue(thief, theirs)
    claimed = replace(resigned.signature, key_id=office.key.public.key_id)
    again = office.next(office.first, issued=office.first.issued + 1)
    for signed, refused in (
        (resigned, "renewal_key_unknown"),
        (replace(resigned, signature=claimed), "signature_invalid"),
        (office.next(office.first, sequence=3), "manifest_gap"),
        (office.next(office.first, previous=b"x" * 32), "manifest_chain_broken"),
        (office.next(office.first, agency="customs"), "manifest_wrong_agency"),
    ):
        assert code(partial(desk.take, signed)) == refused
    desk.take(second)
    assert code(partial(desk.take, again)) == "manifest_replayed"
    assert office.held() == read_manifest(encode_signed(second), "police")


def test_who_is_suspended_or_asks_too_often_is_refused(office: Office) -> None:
    desk, known = Announcements(office.registry, office.clock), office.first
    for _ in range(EACH):
        desk.take(office.next(known))
        known = office.held()
    assert code(lambda: desk.take(office.next(known))) == "quota_exceeded"
    office.registry.publish(office.party(office.registry.entries()[0].manifest, Status.SUSPENDED))
    office.clock.advance(DAY)
    assert code(lambda: desk.take(office.next(known))) == "agency_suspended"
    elsewhere = Announcements(None, office.clock)
    assert code(lambda: elsewhere.take(office.next(known))) == "announcement_elsewhere"


def test_entries_without_a_manifest_are_passed_over(office: Office) -> None:
    supervisor = Party("oversight", DOMAIN, (Role.SUPERVISOR,), "Oversight", office.roots, b"")
    office.registry.publish(supervisor)
    assert Announcements(office.registry, office.clock).take(office.next(office.first)) == 2


@pytest.mark.integration
async def test_over_the_listener(office: Office) -> None:
    settings = PkiSettings(base=office.folder, listen="127.0.0.1:0")
    server = build_server(settings, SystemClock())
    await server.listener.start()
    try:
        address, identity = f"127.0.0.1:{server.listener.port}", server.identity
        client = AuthorityClient(lambda: open_channel(address, identity, office.roots, None))
        signed = decode_signed(encode_signed(office.next(office.first)))
        assert await client.announce(signed) == 2
    finally:
        await server.listener.stop()
        await asyncio.to_thread(server.threads.shutdown)
    assert office.held().sequence == 2
