"""Hub, trustee, connector and supervisor join by the same steps: fingerprint, code, digest, approval."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from passerelle.audit.config import SupervisorSettings
from passerelle.audit.joining import JOINING as SUPERVISOR
from passerelle.certificate import Usage, verify_peer
from passerelle.clock import ManualClock, SystemClock
from passerelle.config import RoleSettings, load
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.invitation import Invitation, root_fingerprint
from passerelle.newcomer import Joining, Newcomer, Place, asked_digest
from passerelle.welcome import EnrolmentStatus
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.joining import JOINING as CONNECTOR
from passerelle_hub.config import HubSettings
from passerelle_hub.joining import JOINING as HUB
from passerelle_pki.announce import Announcements
from passerelle_pki.authority import DATABASE_FILE
from passerelle_pki.ceremony import create_authority
from passerelle_pki.config import FederationSettings, TrusteePlace
from passerelle_pki.enrolment import Desk
from passerelle_pki.operators import Operator
from passerelle_pki.publish import Lists
from passerelle_pki.reception import Reception, make_welcome
from passerelle_pki.registry import create_registry
from passerelle_pki.store import open_database
from passerelle_pki.store.enrolments import EnrolmentStore
from passerelle_trustee.config import TrusteeSettings
from passerelle_trustee.joining import JOINING as TRUSTEE

DOMAIN = "hub.example"
PKI = Identity(DOMAIN, Role.PKI, "authority")
FEDERATION = FederationSettings(
    hub_agency="exchange",
    hub_address="hub.example:7443",
    trustees=(TrusteePlace(index=1, agency="trustee-1", address="trustee-1.example:7543"),),
)


class Counter:
    """The authority's desk without a listener."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(SystemClock().now())
        authority = create_authority(folder / "authority", DOMAIN, self.clock)
        registry = create_registry(folder / "registry", self.clock)
        database = open_database(folder / "authority" / DATABASE_FILE)
        self.root = authority.roots
        self.desk = Desk(authority, registry, EnrolmentStore(database), self.clock)
        self.reception = Reception(
            None,  # type: ignore[arg-type]  # nothing is renewed here
            self.desk,
            Lists(folder / "authority", self.clock),
            Announcements(registry, self.clock),
            lambda: make_welcome(FEDERATION, None, registry.public_key, registry.signed()),
        )

    async def enrol(self, code: str, request: bytes, manifest: bytes) -> tuple[bytes, bytes]:
        return self.desk.take(code, request, manifest)

    async def progress(self, ticket: bytes) -> EnrolmentStatus:
        return self.reception.progress(ticket)


@pytest.fixture
def counter(tmp_path: Path) -> Counter:
    return Counter(tmp_path)


def newcomer(counter: Counter, joining: Joining, role: Role, place: Place) -> tuple[Newcomer, Identity]:
    identity = Identity(DOMAIN, role, "newcomer")
    invitation = Invitation(PKI, "127.0.0.1:7444", identity, counter.root)
    return Newcomer(joining, invitation, place, counter, counter.clock), identity


@pytest.mark.parametrize(
    ("joining", "model", "usage", "fetched"),
    [
        (CONNECTOR, ConnectorSettings, Usage.CLIENT, [DOMAIN]),
        (HUB, HubSettings, Usage.SERVER, [DOMAIN]),
        (TRUSTEE, TrusteeSettings, Usage.SERVER, [DOMAIN]),
        (SUPERVISOR, SupervisorSettings, Usage.CLIENT, []),
    ],
)
async def test_every_role_joins_by_the_same_steps(
    counter: Counter,
    tmp_path: Path,
    joining: Joining,
    model: type[RoleSettings],
    usage: Usage,
    fetched: list[str],
) -> None:
    place = Place(tmp_path / "newcomer")
    made, identity = newcomer(counter, joining, joining.role, place)
    told = root_fingerprint(counter.root)
    code = counter.desk.make_code(identity, "Newcomer", Operator("ada", b"a" * 32))
    digest = await made.ask(code, told)
    assert made.waits and digest == asked_digest(place)
    counter.desk.approve("newcomer", digest.hex(), Operator("bo", b"b" * 32))
    welcome = await made.wait(told)
    assert not made.waits
    leaf = verify_peer((place.keys / "leaf.pem").read_bytes(), counter.root, counter.clock.now(), usage)
    assert leaf.identity == identity
    config = place.folder / f"{joining.role}.toml"
    settings = load(model, config)
    table = tomllib.loads(config.read_text())
    assert table["identity"] == str(identity) and table["pki"]["address"] == "127.0.0.1:7444"
    lists = table.get("revocation", {"sources": []})["sources"]
    assert [source["trust_domain"] for source in lists] == fetched
    assert settings.path("entries/newcomer.entry").exists() and len(welcome.entries) == 1


async def test_an_invitation_for_another_role_is_refused(counter: Counter, tmp_path: Path) -> None:
    made, _ = newcomer(counter, HUB, Role.TRUSTEE, Place(tmp_path / "newcomer"))
    with pytest.raises(PasserelleError) as caught:
        await made.ask("CODE", root_fingerprint(counter.root))
    assert caught.value.code == "invitation_malformed"
