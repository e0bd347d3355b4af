"""The authority: ceremony, exact leaves, and no leaf that the store does not know."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import PolicyBuilder, Store

from passerelle.certificate import Usage, check_leaf, read_chain, verify_peer
from passerelle.clock import DAY, SECOND, ManualClock, moment
from passerelle.csr import Request, make_request, new_key
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle_pki.authority import Authority, open_authority
from passerelle_pki.ceremony import Ceremony, create_authority, hold, read_ceremony
from passerelle_pki.issuer import FileIssuer, Issuer
from passerelle_pki.store import open_database
from passerelle_pki.store.certificates import CertificateStore

DOMAIN = "police.example"
POLICE = Identity(DOMAIN, Role.CONNECTOR, "police")
PEOPLE = "prepared_by: Ada Adams\nreviewed_by: Bo Brown\n"
TRUSTEE = Identity(DOMAIN, Role.TRUSTEE, "police-trustee")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def authority(tmp_path: Path, clock: ManualClock) -> Authority:
    return create_authority(tmp_path / "authority", DOMAIN, clock)


def issue(authority: Authority, identity: Identity = POLICE, usage: Usage = Usage.CLIENT) -> bytes:
    return authority.issue_leaf(identity, make_request(new_key(), identity, usage), usage)


@pytest.mark.parametrize(
    ("identity", "usage"), [(POLICE, Usage.CLIENT), (TRUSTEE, Usage.CLIENT), (TRUSTEE, Usage.SERVER)]
)
def test_a_leaf_has_the_exact_profile(
    authority: Authority, clock: ManualClock, identity: Identity, usage: Usage
) -> None:
    chain = issue(authority, identity, usage)
    leaf, issuing = read_chain(chain)
    peer = verify_peer(chain, authority.roots, clock.now(), usage)
    assert peer.identity == check_leaf(leaf, usage) == identity
    assert (peer.not_before, peer.not_after) == (clock.now() - 300 * SECOND, clock.now() + 7 * DAY)
    assert leaf.subject.rfc4514_string() == ""
    assert issuing.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


def test_authorities_have_the_exact_profile(authority: Authority, clock: ManualClock) -> None:
    root = read_chain(authority.roots)[0]
    issuing = read_chain(issue(authority))[1]
    for certificate in (root, issuing):
        key = certificate.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert isinstance(key.curve, ec.SECP384R1)
        assert certificate.not_valid_before_utc == moment(clock.now() - 300 * SECOND)
    assert root.not_valid_after_utc == moment(clock.now() + 3652 * DAY)
    assert issuing.not_valid_after_utc == moment(clock.now() + 730 * DAY)
    assert root.subject.rfc4514_string() == "CN=root 2026-01-01,DC=police,DC=example"
    assert issuing.subject.rfc4514_string() == "CN=issuing 2026-01-01,DC=police,DC=example"
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 1


def test_a_leaf_never_outlives_its_authority(authority: Authority, clock: ManualClock) -> None:
    clock.advance(728 * DAY)
    last = verify_peer(issue(authority), authority.roots, clock.now(), Usage.CLIENT)
    assert last.not_after == clock.now() + 2 * DAY
    clock.advance(2 * DAY)
    with pytest.raises(PasserelleError, match="certificate_expired"):
        issue(authority)


def test_only_what_was_approved_is_issued(authority: Authority) -> None:
    request = make_request(new_key(), POLICE, Usage.CLIENT)
    foreign = Identity("customs.example", Role.CONNECTOR, "customs")
    for identity, text, usage in [
        (replace(POLICE, agency="other"), request, Usage.CLIENT),
        (POLICE, request, Usage.SERVER),
        (POLICE, make_request(new_key(), POLICE, Usage.SERVER), Usage.SERVER),
        (foreign, make_request(new_key(), foreign, Usage.CLIENT), Usage.CLIENT),
    ]:
        with pytest.raises(PasserelleError, match="issue_refused"):
            authority.issue_leaf(identity, text, usage)
    with pytest.raises(PasserelleError, match="request_invalid"):
        authority.issue_leaf(POLICE, b"nothing", Usage.CLIENT)
    assert authority.store.issued() == ()


def test_every_leaf_is_recorded_and_survives_a_restart(
    authority: Authority, tmp_path: Path, clock: ManualClock
) -> None:
    chains = [issue(authority), issue(authority, TRUSTEE, Usage.SERVER)]
    again = open_authority(tmp_path / "authority", clock)
    recorded = {leaf.serial: leaf for leaf in again.store.issued()}
    for chain, usage in zip(chains, (Usage.CLIENT, Usage.SERVER), strict=True):
        peer = verify_peer(chain, again.roots, clock.now(), usage)
        row = recorded.pop(peer.serial)
        assert (row.identity, row.usage, row.fingerprint) == (peer.identity, usage, peer.fingerprint)
        assert (row.not_before, row.not_after) == (peer.not_before, peer.not_after)
    assert recorded == {}
    assert verify_peer(issue(again), authority.roots, clock.now(), Usage.CLIENT).identity == POLICE


@dataclass
class Failing:
    """An issuer that fails, or signs something else than it was asked for."""

    inner: Issuer
    change: Callable[[Request, int], tuple[Request, int]] | None = None

    @property
    def roots(self) -> bytes:
        return self.inner.roots

    def issue(self, request: Request, serial: int, now: int) -> bytes:
        if self.change is None:
            raise OSError("the token was pulled")
        return self.inner.issue(*self.change(request, serial), now)


def _with(folder: Path, clock: ManualClock, failing: Failing, *serials: int) -> Authority:
    store = CertificateStore(open_database(folder / "issued.sqlite"))
    numbers = iter(serials)
    return Authority(DOMAIN, failing, store, clock, lambda: next(numbers))


def _numbers(folder: Path) -> list[tuple[str, bool]]:
    with sqlite3.connect(folder / "issued.sqlite") as database:
        rows = database.execute("select serial, fingerprint is not null from certificate order by serial")
        found = [(serial, bool(done)) for serial, done in rows]
    database.close()
    return found


def test_a_serial_is_stored_before_signing_and_never_used_again(
    authority: Authority, tmp_path: Path, clock: ManualClock
) -> None:
    folder = tmp_path / "authority"
    issuer = FileIssuer(folder)
    with pytest.raises(OSError, match="pulled"):
        issue(_with(folder, clock, Failing(issuer), 0xA))
    assert _numbers(folder) == [("a", False)]
    steady = Failing(issuer, lambda request, serial: (request, serial))
    with pytest.raises(PasserelleError, match="issue_interrupted"):
        issue(_with(folder, clock, steady, 0xA))
    assert issue(_with(folder, clock, steady, 0xB))
    assert _numbers(folder) == [("a", False), ("b", True)]
    assert [leaf.serial for leaf in authority.store.issued()] == [0xB]


def test_a_number_is_completed_once_only(authority: Authority, clock: ManualClock) -> None:
    chain = issue(authority)
    peer = verify_peer(chain, authority.roots, clock.now(), Usage.CLIENT)
    for leaf in (peer, replace(peer, serial=1)):
        with pytest.raises(PasserelleError, match="issue_interrupted"):
            authority.store.record(leaf, chain)


@pytest.mark.usefixtures("authority")
def test_an_issuer_that_signs_something_else_is_found_out(tmp_path: Path, clock: ManualClock) -> None:
    folder = tmp_path / "authority"
    other = replace(POLICE, agency="other")
    renames = Failing(FileIssuer(folder), lambda request, serial: (replace(request, identity=other), serial))
    renumbers = Failing(FileIssuer(folder), lambda request, serial: (request, serial + 1))
    for liar, serial in ((renames, 0xA), (renumbers, 0xC)):
        with pytest.raises(PasserelleError, match="issue_interrupted"):
            issue(_with(folder, clock, liar, serial))
    assert _numbers(folder) == [("a", False), ("c", False)]


@pytest.mark.usefixtures("authority")
def test_keys_are_private_and_the_root_key_is_not_needed(tmp_path: Path, clock: ManualClock) -> None:
    folder = tmp_path / "authority"
    keys = sorted(folder.rglob("*-key.pem"))
    assert [key.name for key in keys] == ["issuing-key.pem", "root-key.pem"]
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "issued.sqlite").stat().st_mode) == 0o600
    (folder / "offline" / "root-key.pem").rename(tmp_path / "in-the-safe.pem")
    assert issue(open_authority(folder, clock))
    (folder / "issuing-key.pem").chmod(0o644)
    with pytest.raises(PasserelleError, match="key_file_permissions"):
        open_authority(folder, clock)


@pytest.mark.usefixtures("authority")
def test_an_authority_is_never_overwritten(tmp_path: Path, clock: ManualClock) -> None:
    before = (tmp_path / "authority" / "root.pem").read_bytes()
    with pytest.raises(PasserelleError, match="authority_exists"):
        create_authority(tmp_path / "authority", DOMAIN, clock)
    assert (tmp_path / "authority" / "root.pem").read_bytes() == before


def test_a_ceremony_takes_an_empty_folder_and_not_one_cut_short(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "empty").mkdir()
    assert create_authority(tmp_path / "empty", DOMAIN, clock).trust_domain == DOMAIN
    (tmp_path / "cut.part").mkdir()
    with pytest.raises(PasserelleError, match="authority_exists"):
        create_authority(tmp_path / "cut", DOMAIN, clock)
    assert not (tmp_path / "cut").exists()


def test_a_damaged_authority_does_not_open(tmp_path: Path, clock: ManualClock) -> None:
    create_authority(tmp_path / "one", DOMAIN, clock)
    create_authority(tmp_path / "two", DOMAIN, clock)
    (tmp_path / "one" / "issuing.pem").write_bytes((tmp_path / "two" / "issuing.pem").read_bytes())
    (tmp_path / "two" / "root.pem").unlink()
    for folder in ("one", "two", "absent"):
        with pytest.raises(PasserelleError, match="authority_unreadable"):
            open_authority(tmp_path / folder, clock)


def test_a_ceremony_follows_its_description(tmp_path: Path, clock: ManualClock) -> None:
    file = tmp_path / "ceremony.yaml"
    file.write_text(f"{PEOPLE}trust_domain: police.example\nroot: {{days: 100}}\nissuing: {{days: 10}}\n")
    assert read_ceremony(file) == Ceremony(DOMAIN, "Ada Adams", "Bo Brown", 100, 10)
    authority = hold(read_ceremony(file), tmp_path / "authority", clock, file.read_bytes())
    assert (tmp_path / "authority" / "ceremony.yaml").read_bytes() == file.read_bytes()
    root, issuing = read_chain(authority.roots)[0], read_chain(issue(authority))[1]
    assert root.not_valid_after_utc == moment(clock.now() + 100 * DAY)
    assert issuing.not_valid_after_utc == moment(clock.now() + 10 * DAY)
    builder = PolicyBuilder().store(Store([root])).time(moment(clock.now()))
    assert builder.build_client_verifier().verify(*_split(issue(authority))).chain[-1] == root


def _split(chain: bytes) -> tuple[x509.Certificate, list[x509.Certificate]]:
    leaf, *above = read_chain(chain)
    return leaf, above


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "ceremony_invalid"),
        ("- police.example", "ceremony_invalid"),
        ("trust_domain: 1", "ceremony_invalid"),
        ("trust_domain: [", "ceremony_invalid"),
        ("trust_domain: Police", "identity_malformed"),
        ("trust_domain: police.example\nroot: {days: 0}", "ceremony_invalid"),
        ("trust_domain: police.example\nroot: {days: 4000}", "ceremony_invalid"),
        ("trust_domain: police.example\nissuing: {days: 731}", "ceremony_invalid"),
        ("trust_domain: police.example\nissuing: {days: 0}", "ceremony_invalid"),
        ("trust_domain: police.example\nroot: {days: 5}\nissuing: {days: 6}", "ceremony_invalid"),
        ("trust_domain: police.example\nroot: {days: true}", "ceremony_invalid"),
        ("trust_domain: police.example\nroot: 5", "ceremony_invalid"),
        ("trust_domain: police.example\nleaf_days: 7", "ceremony_invalid"),
        ("trust_domain: police.example\nissuing: {key: paper}", "ceremony_invalid"),
        ("trust_domain: police.example\nissuing: {key: pkcs11}", "ceremony_invalid"),
        ("trust_domain: police.example\nissuing: {key: external}", "ceremony_invalid"),
        ("trust_domain: police.example\npkcs11: {module: a, token: b, label: c}", "ceremony_invalid"),
        ("trust_domain: police.example\nissuing: {key: pkcs11}\npkcs11: {module: a}", "ceremony_invalid"),
        ("trust_domain: police.example\ntrust_domain: other.example", "ceremony_invalid"),
        ("trust_domain: &a police.example\nname: *a", "ceremony_invalid"),
        ("trust_domain: !!str police.example", "ceremony_invalid"),
        ("trust_domain: police.example\nroot: {<<: {days: 5}}", "ceremony_invalid"),
        ("trust_domain: police.example\nreviewed_by: Bo Brown\n" + "#" * 20_000, "ceremony_invalid"),
    ],
)
def test_an_unclear_description_is_refused(tmp_path: Path, text: str, code: str) -> None:
    file = tmp_path / "ceremony.yaml"
    file.write_text(PEOPLE + text)
    with pytest.raises(PasserelleError) as caught:
        read_ceremony(file)
    assert caught.value.code == code


@pytest.mark.parametrize("people", ["", "prepared_by: Ada\n", "prepared_by: Ada\nreviewed_by: ' ADA'\n"])
def test_a_description_is_reviewed_by_a_second_person(tmp_path: Path, people: str) -> None:
    (tmp_path / "ceremony.yaml").write_text(f"{people}trust_domain: police.example\n")
    with pytest.raises(PasserelleError, match="ceremony_invalid"):
        read_ceremony(tmp_path / "ceremony.yaml")


def test_the_root_signs_nothing_but_authorities(authority: Authority) -> None:
    root = read_chain(authority.roots)[0]
    usage = root.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)
    assert root.public_bytes(serialization.Encoding.PEM) == authority.roots
