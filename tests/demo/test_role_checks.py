"""What each role's checks say of a federation as it is laid out, and of one with something broken."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from passerelle.checks import Check, State
from passerelle.clock import DAY, ManualClock, SystemClock
from passerelle.config import load
from passerelle.errors import PasserelleError
from passerelle_connector.checks import look as look_at_connector
from passerelle_connector.checks import spoken
from passerelle_connector.compose_ports import load_peers
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.foundation import open_stores
from passerelle_connector.ports import AcceptedDomain
from passerelle_demo.cli import POLICIES
from passerelle_demo.scenario import synthetic
from passerelle_demo.staging import Stage, build
from passerelle_hub.checks import look as look_at_hub
from passerelle_hub.config import HubSettings
from passerelle_hub.store import Database
from passerelle_pki.checks import look as look_at_pki
from passerelle_pki.config import PkiSettings
from passerelle_trustee.checks import look as look_at_trustee
from passerelle_trustee.config import TrusteeSettings

pytestmark = pytest.mark.integration

LATER = 30 * DAY
AWAY = {"hub", "trustees", "listener"}
"""Nothing runs in these tests; the journey of the doctor looks at running services."""


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return build(tmp_path_factory.mktemp("laid") / "out", synthetic(40, 3), POLICIES, SystemClock())


@pytest.fixture
def stage(laid_out: Stage, tmp_path: Path) -> Path:
    """A copy to break something in."""
    return Path(shutil.copytree(laid_out.folder, tmp_path / "out"))


def hub(folder: Path, later: int = 0) -> dict[str, Check]:
    settings = load(HubSettings, folder / "hub-coordination-centre" / "hub.toml")
    return {one.name: one for one in look_at_hub(settings, ManualClock(SystemClock().now() + later))}


def trustee(folder: Path, later: int = 0) -> dict[str, Check]:
    settings = load(TrusteeSettings, folder / "trustee-trustee-1" / "trustee.toml")
    return {one.name: one for one in look_at_trustee(settings, ManualClock(SystemClock().now() + later))}


def connector(folder: Path, later: int = 0) -> dict[str, Check]:
    settings = load(ConnectorSettings, folder / "connector-passages" / "connector.toml")
    return {
        one.name: one for one in look_at_connector(settings, ManualClock(SystemClock().now() + later), 0.2)
    }


def pki(folder: Path, later: int = 0) -> dict[str, Check]:
    file = folder / "pki.toml"
    file.write_text('authority = "authorities/passages.example"\nregistry = "registry"\n', "utf-8")
    settings = load(PkiSettings, file)
    return {one.name: one for one in look_at_pki(settings, ManualClock(SystemClock().now() + later))}


Look = Callable[[Path, int], dict[str, Check]]


def failing(found: dict[str, Check]) -> set[str]:
    return {name for name, one in found.items() if one.state is State.FAIL}


@pytest.mark.parametrize("look", [hub, trustee, connector, pki])
def test_a_fresh_set_up_fails_at_nothing_but_what_does_not_run(stage: Path, look: Look) -> None:
    found = look(stage, 0)
    assert failing(found) <= AWAY
    assert len(found) > 5
    assert all(one.fix for one in found.values() if one.state is not State.OK)


@pytest.mark.parametrize("look", [hub, trustee, connector])
def test_an_expired_certificate_fails(stage: Path, look: Look) -> None:
    assert "certificate" in failing(look(stage, LATER))


def test_the_authoritys_certificates_near_their_end(stage: Path) -> None:
    assert pki(stage, 700 * DAY)["issuing certificate"].state is State.WARN
    assert pki(stage, 800 * DAY)["issuing certificate"].state is State.FAIL


Break = Callable[[Path], None]


def opened(path: str) -> Break:
    return lambda folder: (folder / path).chmod(0o644)


def emptied(path: str) -> Break:
    def break_it(folder: Path) -> None:
        (folder / path).write_bytes(b"")

    return break_it


def removed(path: str) -> Break:
    return lambda folder: shutil.rmtree(folder / path)


HUB, TRUSTEE, AGENCY = "hub-coordination-centre", "trustee-trustee-1", "connector-passages"


@pytest.mark.parametrize(
    ("look", "spoil", "name"),
    [
        (hub, opened(f"{HUB}/keys/pepper.key"), "key file pepper.key"),
        (hub, emptied(f"{HUB}/keys/leaf.pem"), "certificate"),
        (hub, emptied(f"{HUB}/entries/passages.entry"), "registry"),
        (hub, emptied(f"{HUB}/policy-data/agencies.json"), "policy"),
        (trustee, opened(f"{TRUSTEE}/shares.json"), "key file shares.json"),
        (trustee, emptied(f"{TRUSTEE}/shares.json"), "shares"),
        (trustee, removed(f"{TRUSTEE}/entries"), "registry"),
        (connector, opened(f"{AGENCY}/keys/signing-1.key"), "key file signing-1.key"),
        (connector, emptied(f"{AGENCY}/group-keys.json"), "registry"),
        (connector, removed(f"{AGENCY}/data"), "source"),
        (pki, opened("authorities/passages.example/issuing-key.pem"), "key file issuing-key.pem"),
        (pki, emptied("authorities/passages.example/issuing.pem"), "issuing certificate"),
        (pki, opened("registry/registry.key"), "key file registry.key"),
    ],
)
def test_what_is_broken_fails_by_its_name(stage: Path, look: Look, spoil: Break, name: str) -> None:
    spoil(stage)
    found = look(stage, 0)
    assert name in failing(found)
    assert found[name].fix


def test_a_leaf_of_another_key_fails(stage: Path) -> None:
    other = stage / "connector-ostamt" / "keys"
    shutil.copy(other / "leaf-key.pem", stage / AGENCY / "keys" / "leaf-key.pem")
    assert "key and certificate" in failing(connector(stage))


@pytest.mark.parametrize("look", [hub, trustee, connector])
def test_a_leaf_of_another_party_fails(stage: Path, look: Look) -> None:
    folders: dict[Look, str] = {hub: HUB, trustee: TRUSTEE, connector: AGENCY}
    theirs, ours = stage / "trustee-trustee-2" / "keys", stage / folders[look] / "keys"
    for name in ("leaf.pem", "leaf-key.pem"):
        shutil.copy(theirs / name, ours / name)
    assert "key and certificate" in failing(look(stage, 0))


def test_the_mapping_tells_its_gaps(stage: Path) -> None:
    found = connector(stage)["mapping"]
    assert found.state is State.WARN
    assert "national_number missing in " in found.text


def test_rows_that_would_be_set_aside_are_counted(stage: Path) -> None:
    (stage / AGENCY / "data" / "more.csv").write_text("REF\nX-1\n", "utf-8")
    assert connector(stage)["source"].state is State.WARN
    (stage / AGENCY / "data" / "records.csv").unlink()
    assert connector(stage)["source"].state is State.FAIL


def test_a_database_of_an_older_release_is_behind(stage: Path) -> None:
    database = Database(f"sqlite:///{stage / HUB / 'hub.db'}")
    assert hub(stage)["database"].text.endswith("migrations behind")
    database.migrate()
    database.close()
    assert hub(stage)["database"] == Check("database", State.OK, "at the newest migration")


def test_a_side_without_lists_says_so(stage: Path) -> None:
    for look, name in ((hub, HUB), (trustee, TRUSTEE), (connector, AGENCY)):
        found = [one for one in look(stage).values() if one.name.startswith("revocations of ")]
        assert found and {one.state for one in found} == {State.WARN}
        for config in (stage / name).glob("*.toml"):
            config.write_text(config.read_text("utf-8").replace("required = false", "required = true"))
        found = [one for one in look(stage).values() if one.name.startswith("revocations of ")]
        assert {one.state for one in found} == {State.FAIL}


def test_certificates_that_nobody_renewed_are_named(stage: Path) -> None:
    assert pki(stage)["certificates"].state is State.OK
    found = pki(stage, 7 * DAY)["certificates"]
    assert found.state is State.WARN and "overdue" in found.text


def test_a_trustee_is_reminded_of_the_monthly_refresh(stage: Path) -> None:
    assert trustee(stage)["refresh"].state is State.OK
    found = trustee(stage, 32 * DAY)["refresh"]
    assert found.state is State.WARN and "reshare" in found.fix


def test_a_connector_hears_of_an_epoch_whose_keys_it_lacks(stage: Path) -> None:
    settings = load(ConnectorSettings, stage / AGENCY / "connector.toml")
    peers, now, domain = load_peers(settings), SystemClock().now(), settings.domain
    assert (
        spoken(settings, peers, now, [AcceptedDomain(domain, (1,), ())]) == f"the hub takes {domain}, epoch 1"
    )
    open_stores(settings).database.close()
    for told in (AcceptedDomain(domain, (1,), (), (2,)), AcceptedDomain(domain, (1, 2), ())):
        found = spoken(settings, peers, now, [told])
        assert isinstance(found, Check) and found.state is State.WARN and "epoch 2" in found.text
    with pytest.raises(PasserelleError) as caught:
        spoken(settings, peers, now, [AcceptedDomain(domain, (2,), ())])
    assert caught.value.code == "batch_epoch_wrong"
