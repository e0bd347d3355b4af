"""Renewal at the authority: every refusal has its code, and what is issued is exactly what was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from patience import PATIENCE

from passerelle.certificate import Usage, read_chain, verify_peer
from passerelle.clock import DAY, SECOND, ManualClock, SystemClock
from passerelle.codec.signed import encode_signed, signed_out
from passerelle.config import load
from passerelle.csr import make_request, new_key
from passerelle.errors import PasserelleError
from passerelle.federation import Federation
from passerelle.identity import Identity, Role
from passerelle.manifest import KeyEntry, issue_first
from passerelle.registry_entry import Status
from passerelle.renewal import FRESH, RenewalRequest, sign_renewal
from passerelle.rpc.channel import open_channel
from passerelle.rpc.status import peer_errors
from passerelle.sign import Signed, SigningKey
from passerelle.wire.v1 import enrolment_pb2, enrolment_pb2_grpc
from passerelle_pki.authority import Authority
from passerelle_pki.ceremony import create_authority
from passerelle_pki.compose import Server, build_server, load_register
from passerelle_pki.config import PkiSettings
from passerelle_pki.register import Register
from passerelle_pki.registry import Party, Registry, create_registry
from passerelle_pki.renew import LEAVES_EACH, OwnLeaf, Renewals

DOMAIN = "police.example"
PKI = Identity(DOMAIN, Role.PKI, "authority")
POLICE = Identity(DOMAIN, Role.CONNECTOR, "police")
CUSTOMS = Identity(DOMAIN, Role.CONNECTOR, "customs")
OPERATOR = Identity(DOMAIN, Role.OPERATOR, "police")


@dataclass
class Desk:
    """An authority, a registry, two parties with manifest keys."""

    folder: Path
    clock: ManualClock
    authority: Authority
    registry: Registry
    keys: dict[str, SigningKey] = field(default_factory=dict)
    count: int = 0

    def enter(self, identity: Identity, status: Status = Status.ACTIVE) -> None:
        key = self.keys.setdefault(identity.agency, SigningKey.generate())
        now = self.clock.now()
        signs = KeyEntry(SigningKey.generate().public, now, now + DAY)
        manifest = encode_signed(issue_first(key, identity, signs))
        self.registry.publish(
            Party(identity.agency, DOMAIN, (identity.role,), "Party", self.authority.roots, manifest, status)
        )

    def register(self) -> Register:
        federation = Federation(DOMAIN, self.authority.roots)
        made = Register(self.registry.signed, self.registry.public_key, federation)
        made.refresh()
        return made

    def renewals(self) -> Renewals:
        return Renewals(self.authority, PKI, self.register(), self.clock)

    def request(self, identity: Identity = POLICE, usage: Usage = Usage.CLIENT) -> RenewalRequest:
        self.count += 1
        asked = make_request(new_key(), identity, usage).decode()
        nonce = self.count.to_bytes(16, "big")
        return RenewalRequest(PKI, identity, usage, asked, self.clock.now(), nonce)

    def signed(self, identity: Identity = POLICE) -> Signed:
        return sign_renewal(self.keys[identity.agency], self.request(identity))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    clock = ManualClock(SystemClock().now())
    authority = create_authority(tmp_path / "authority", DOMAIN, clock)
    made = Desk(tmp_path, clock, authority, create_registry(tmp_path / "registry", clock))
    made.enter(POLICE)
    made.enter(CUSTOMS)
    return made


def code(action: Callable[[], object]) -> str:
    with pytest.raises(PasserelleError) as caught:
        action()
    return caught.value.code


def test_a_party_long_gone_gets_a_leaf(desk: Desk) -> None:
    """Neither its leaf nor its manifest holds any more; its manifest key does."""
    renewals = desk.renewals()
    desk.clock.advance(40 * DAY)
    chain = renewals.renew(desk.signed())
    leaf = verify_peer(chain, desk.authority.roots, desk.clock.now(), Usage.CLIENT)
    assert leaf.identity == POLICE
    assert [issued.identity for issued in desk.authority.store.issued()] == [POLICE]


def test_a_request_holds_once_and_for_a_short_time(desk: Desk) -> None:
    renewals = desk.renewals()
    desk.clock.advance(10 * FRESH)
    signed = desk.signed()
    renewals.renew(signed)
    assert code(lambda: renewals.renew(signed)) == "renewal_replayed"
    desk.clock.advance(FRESH)
    assert code(lambda: renewals.renew(signed)) == "renewal_replayed"
    desk.clock.advance(1)
    assert code(lambda: renewals.renew(signed)) == "renewal_stale"
    ahead = replace(desk.request(), at=desk.clock.now() + FRESH + 1)
    assert code(lambda: renewals.renew(sign_renewal(desk.keys["police"], ahead))) == "renewal_stale"


def test_a_request_from_before_the_start_is_stale(desk: Desk) -> None:
    """The nonces seen before are forgotten, so nothing of that time is taken."""
    signed = desk.signed()
    desk.clock.advance(SECOND)
    assert code(lambda: desk.renewals().renew(signed)) == "renewal_stale"


def test_one_party_cannot_ask_for_another(desk: Desk) -> None:
    signed = sign_renewal(desk.keys["customs"], desk.request(POLICE))
    assert code(lambda: desk.renewals().renew(signed)) == "renewal_key_unknown"


def test_an_unknown_key_and_another_authority_are_refused(desk: Desk) -> None:
    stranger = sign_renewal(SigningKey.generate(), desk.request())
    assert code(lambda: desk.renewals().renew(stranger)) == "renewal_key_unknown"
    other = replace(desk.request(), authority=Identity(DOMAIN, Role.PKI, "annex"))
    signed = sign_renewal(desk.keys["police"], other)
    assert code(lambda: desk.renewals().renew(signed)) == "renewal_wrong_authority"


def test_a_changed_payload_and_a_stripped_signature_are_refused(desk: Desk) -> None:
    signed = desk.signed()
    changed = replace(signed, payload=signed.payload.replace(b"client", b"server"))
    assert code(lambda: desk.renewals().renew(changed)) == "signature_invalid"
    stripped = replace(signed, signature=replace(signed.signature, ed25519=b""))
    assert code(lambda: desk.renewals().renew(stripped)) == "signature_missing_classical"


def test_the_certificate_request_says_what_the_signed_request_says(desk: Desk) -> None:
    keys, renewals = desk.keys, desk.renewals()
    swapped = replace(desk.request(), request=make_request(new_key(), CUSTOMS, Usage.CLIENT).decode())
    assert code(lambda: renewals.renew(sign_renewal(keys["police"], swapped))) == "issue_refused"
    server = desk.request(POLICE, Usage.SERVER)
    assert code(lambda: renewals.renew(sign_renewal(keys["police"], server))) == "issue_refused"
    unreadable = replace(desk.request(), request="nothing")
    assert code(lambda: renewals.renew(sign_renewal(keys["police"], unreadable))) == "request_invalid"
    assert desk.authority.store.issued() == ()


@pytest.mark.parametrize(
    ("status", "refusal"), [(Status.SUSPENDED, "agency_suspended"), (Status.REMOVED, "agency_unknown")]
)
def test_who_takes_no_part_renews_nothing(desk: Desk, status: Status, refusal: str) -> None:
    """The change reaches a running authority with the next refresh."""
    register = desk.register()
    renewals = Renewals(desk.authority, PKI, register, desk.clock)
    renewals.renew(desk.signed())
    desk.enter(POLICE, status)
    assert register.refresh() == 1
    assert register.refresh() == 0
    assert code(lambda: renewals.renew(desk.signed())) == refusal


def test_roles_without_an_entry_renew_nothing(desk: Desk) -> None:
    signed = sign_renewal(desk.keys["police"], desk.request(OPERATOR))
    assert code(lambda: desk.renewals().renew(signed)) == "role_not_allowed"


def test_a_party_has_a_budget_of_leaves(desk: Desk) -> None:
    renewals = desk.renewals()
    for _ in range(LEAVES_EACH):
        renewals.renew(desk.signed())
    assert code(lambda: renewals.renew(desk.signed())) == "quota_exceeded"
    assert renewals.renew(desk.signed(CUSTOMS))


def test_an_entry_without_a_good_manifest_is_passed_over(desk: Desk) -> None:
    for agency, manifest in (("trustee", b""), ("broken", b"\xff")):
        desk.registry.publish(Party(agency, DOMAIN, (Role.TRUSTEE,), "T", desk.authority.roots, manifest))
    assert desk.renewals().renew(desk.signed())


def test_entries_come_from_a_folder_where_the_registry_is_elsewhere(desk: Desk) -> None:
    entries = desk.folder / "entries"
    settings = PkiSettings(base=desk.folder, directory={"key": "registry/registry.pub"})  # type: ignore[arg-type]  # as TOML gives it
    assert code(lambda: load_register(settings, desk.authority, desk.clock)) == "config_invalid"
    entries.mkdir()
    for signed in desk.registry.signed():
        (entries / f"{signed.signature.key_id.hex()[:4]}-{len(list(entries.iterdir()))}.entry").write_bytes(
            encode_signed(signed)
        )
    (entries / "broken.entry").write_bytes(b"\xff")
    stranger = create_registry(desk.folder / "stranger", desk.clock)
    foreign = Party("other", DOMAIN, (Role.CONNECTOR,), "O", desk.authority.roots, b"")
    (entries / "foreign.entry").write_bytes(encode_signed(stranger.publish(foreign)))
    register = load_register(settings, desk.authority, desk.clock)
    assert Renewals(desk.authority, PKI, register, desk.clock).renew(desk.signed())


def test_the_listeners_own_leaf_is_issued_again_at_half_its_life(desk: Desk) -> None:
    own = OwnLeaf(desk.authority, PKI, desk.clock)
    first = own.read()
    assert own.read() is first
    desk.clock.advance(4 * DAY)
    second = own.read()
    assert read_chain(second.chain)[0].serial_number != read_chain(first.chain)[0].serial_number
    assert verify_peer(second.chain, desk.authority.roots, desk.clock.now(), Usage.SERVER).identity == PKI


@pytest.fixture
def settings(desk: Desk) -> Iterator[PkiSettings]:
    file = desk.folder / "pki.toml"
    file.write_text('listen = "127.0.0.1:0"\n[throttle]\neach = 5\n')
    yield load(PkiSettings, file)


async def ask(server: Server, roots: bytes, signed: Signed) -> tuple[bytes, str]:
    address = f"127.0.0.1:{server.listener.port}"
    async with open_channel(address, PKI, roots, None) as channel:
        stub: enrolment_pb2_grpc.EnrolmentAsyncStub = enrolment_pb2_grpc.EnrolmentStub(channel)
        with peer_errors():
            said = await stub.Status(enrolment_pb2.StatusRequest(), timeout=PATIENCE)
            renewed = await stub.Renew(
                enrolment_pb2.RenewRequest(request=signed_out(signed)), timeout=PATIENCE
            )
    return renewed.chain, said.authority


@pytest.mark.integration
async def test_over_tls_without_a_client_certificate(desk: Desk, settings: PkiSettings) -> None:
    server = build_server(settings, desk.clock)
    await server.listener.start()
    try:
        signed = desk.signed()
        chain, name = await ask(server, desk.authority.roots, signed)
        assert name == str(PKI)
        assert verify_peer(chain, desk.authority.roots, desk.clock.now(), Usage.CLIENT).identity == POLICE
        with pytest.raises(PasserelleError, match="renewal_replayed"):
            await ask(server, desk.authority.roots, signed)
        with pytest.raises(PasserelleError, match="peer_unavailable"):
            stranger = create_authority(desk.folder / "stranger-ca", DOMAIN, desk.clock)
            await ask(server, stranger.roots, signed)
    finally:
        await server.listener.stop(0)
        await asyncio.to_thread(server.threads.shutdown)
