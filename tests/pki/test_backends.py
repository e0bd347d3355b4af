"""Where the issuing key may live: a token (SoftHSM), another authority; and replacing it without a gap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from token_kit import MODULE, Tokens

from passerelle.certificate import Usage, read_chain, verify_peer
from passerelle.clock import DAY, HOUR, ManualClock
from passerelle.csr import key_pem, make_request, new_key
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.keyfile import write_private
from passerelle.revocation import Revocations
from passerelle_pki.authority import Authority, open_authority
from passerelle_pki.ceremony import OFFLINE_FOLDER, create_authority, hold, read_ceremony
from passerelle_pki.inventory import Word, authorities, leaves
from passerelle_pki.publish import Lists
from passerelle_pki.rollover import Rollover
from passerelle_pki.store import open_database
from passerelle_pki.store.revocations import RevocationStore

DOMAIN = "police.example"
POLICE = Identity(DOMAIN, Role.CONNECTOR, "police")
PEOPLE = "prepared_by: Ada Adams\nreviewed_by: Bo Brown\ntrust_domain: police.example\n"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def issue(authority: Authority) -> bytes:
    return authority.issue_leaf(POLICE, make_request(new_key(), POLICE, Usage.CLIENT), Usage.CLIENT)


def serial(chain: bytes) -> int:
    return read_chain(chain)[0].serial_number


def described(label: str) -> str:
    return (
        f"{PEOPLE}issuing: {{key: pkcs11}}\n"
        f"pkcs11: {{module: {MODULE}, token: authority-1, label: {label}, pin_file: pin}}\n"
    )


def held(tokens: Tokens, tmp_path: Path, clock: ManualClock, label: str) -> Authority:
    file = tokens.folder / f"{label}.yaml"
    file.write_text(described(label))
    return hold(read_ceremony(file), tmp_path / "authority", clock, file.read_bytes())


@pytest.mark.integration
def test_a_key_made_in_a_token_issues_leaves_and_lists(
    tokens: Tokens, tmp_path: Path, clock: ManualClock
) -> None:
    held(tokens, tmp_path, clock, "issuing-1")
    folder = tmp_path / "authority"
    assert not (folder / "issuing-key.pem").exists()
    again = open_authority(folder, clock)
    chain = issue(again)
    assert verify_peer(chain, again.roots, clock.now(), Usage.CLIENT).identity == POLICE
    taken = Revocations(clock).accept(DOMAIN, Lists(folder, clock).current(), again.roots)
    assert taken.serials == frozenset()


def test_a_token_keeps_its_keys_apart(tokens: Tokens, tmp_path: Path, clock: ManualClock) -> None:
    held(tokens, tmp_path / "a", clock, "issuing-2")
    with pytest.raises(PasserelleError, match="token_key_exists"):
        held(tokens, tmp_path / "b", clock, "issuing-2")
    assert list((tmp_path / "b").iterdir()) == []


@pytest.mark.parametrize(
    ("field", "value"), [("token", "absent"), ("module", "/nowhere.so"), ("label", "absent")]
)
def test_a_token_that_is_not_there_is_named(
    tokens: Tokens, tmp_path: Path, clock: ManualClock, field: str, value: str
) -> None:
    label = f"issuing-{field}"
    held(tokens, tmp_path, clock, label)
    file = tmp_path / "authority" / "issuer.toml"
    lines = [
        f'{field} = "{value}"' if line.startswith(f"{field} =") else line
        for line in file.read_text().splitlines()
    ]
    file.write_text("\n".join(lines))
    with pytest.raises(PasserelleError, match="token_unavailable"):
        open_authority(tmp_path / "authority", clock)


def test_the_pin_is_a_private_file(tokens: Tokens, tmp_path: Path, clock: ManualClock) -> None:
    held(tokens, tmp_path, clock, "issuing-pin")
    (tokens.folder / "pin").chmod(0o644)
    try:
        with pytest.raises(PasserelleError, match="key_file_permissions"):
            open_authority(tmp_path / "authority", clock)
    finally:
        (tokens.folder / "pin").chmod(0o600)


@pytest.fixture
def external(tmp_path: Path, clock: ManualClock) -> tuple[Authority, Authority]:
    """An authority elsewhere, and the one here that adopts its root."""
    elsewhere = create_authority(tmp_path / "elsewhere", DOMAIN, clock)
    (tmp_path / "ceremony.yaml").write_text(
        f"{PEOPLE}issuing: {{key: external}}\nexternal_root: elsewhere/root.pem\n"
    )
    here = hold(read_ceremony(tmp_path / "ceremony.yaml"), tmp_path / "here", clock)
    return elsewhere, here


def test_a_leaf_of_another_authority_is_imported_and_verified(
    external: tuple[Authority, Authority], clock: ManualClock
) -> None:
    elsewhere, here = external
    request = make_request(new_key(), POLICE, Usage.CLIENT)
    with pytest.raises(PasserelleError, match="issuer_external"):
        here.issue_leaf(POLICE, request, Usage.CLIENT)
    chain = elsewhere.issue_leaf(POLICE, request, Usage.CLIENT)
    here.adopt_leaf(POLICE, request, chain, Usage.CLIENT)
    assert [leaf.serial for leaf in here.store.issued()] == [serial(chain)]
    with pytest.raises(PasserelleError, match="issue_interrupted"):
        here.adopt_leaf(POLICE, request, chain, Usage.CLIENT)


def test_what_another_authority_issued_must_fit(
    external: tuple[Authority, Authority], tmp_path: Path, clock: ManualClock
) -> None:
    elsewhere, here = external
    request = make_request(new_key(), POLICE, Usage.CLIENT)
    stranger = create_authority(tmp_path / "stranger", DOMAIN, clock)
    other_key = issue(elsewhere)
    for chain, refusal in [
        (stranger.issue_leaf(POLICE, request, Usage.CLIENT), "certificate_untrusted"),
        (other_key, "issue_refused"),
        (b"", "certificate_malformed"),
    ]:
        with pytest.raises(PasserelleError, match=refusal):
            here.adopt_leaf(POLICE, request, chain, Usage.CLIENT)
    assert here.store.issued() == ()


def test_roots_of_another_authority_are_authorities(tmp_path: Path, clock: ManualClock) -> None:
    elsewhere = create_authority(tmp_path / "elsewhere", DOMAIN, clock)
    (tmp_path / "leaf.pem").write_bytes(issue(elsewhere))
    for name in ("leaf.pem", "absent.pem"):
        (tmp_path / "c.yaml").write_text(f"{PEOPLE}issuing: {{key: external}}\nexternal_root: {name}\n")
        with pytest.raises(PasserelleError, match="ceremony_invalid"):
            hold(read_ceremony(tmp_path / "c.yaml"), tmp_path / "here", clock)
    assert not (tmp_path / "here").exists()


# ---------------------------------------------------------------- roll-over


@dataclass
class Turning:
    """An authority whose issuing authority is replaced, and a peer that holds its lists."""

    folder: Path
    clock: ManualClock
    rollover: Rollover
    peer: Revocations

    def issue(self) -> bytes:
        return issue(open_authority(self.folder, self.clock))

    def hand_over(self) -> None:
        roots = (self.folder / "root.pem").read_bytes()
        self.peer.accept(DOMAIN, Lists(self.folder, self.clock).current(), roots)

    def check(self, chain: bytes) -> str:
        roots = (self.folder / "root.pem").read_bytes()
        leaf = verify_peer(chain, roots, self.clock.now(), Usage.CLIENT)
        try:
            self.peer.check(DOMAIN, leaf.serial, leaf.issuer)
        except PasserelleError as error:
            return error.code
        return "passes"


@pytest.fixture
def turning(tmp_path: Path, clock: ManualClock) -> Turning:
    create_authority(tmp_path / "authority", DOMAIN, clock)
    folder = tmp_path / "authority"
    return Turning(folder, clock, Rollover(folder, clock), Revocations(clock, required=True))


def test_a_roll_over_from_end_to_end(turning: Turning) -> None:
    offline = turning.folder / OFFLINE_FOLDER
    old = turning.issue()
    assert turning.check(old) == "revocations_missing"
    turning.hand_over()
    assert turning.rollover.prepare(offline, "ada") == 2
    assert read_chain(turning.issue())[1] == read_chain(old)[1]  # the prepared one issues nothing
    assert turning.rollover.activate("ada") == 2
    turning.clock.advance(HOUR)
    new = turning.issue()
    assert read_chain(new)[1] != read_chain(old)[1]
    turning.hand_over()
    assert (turning.check(old), turning.check(new)) == ("passes", "passes")
    turning.rollover.taint(1, "bo")
    words = {line.serial: line.word for line in leaves(turning.folder, turning.clock)}
    assert (words[serial(new)], turning.check(old)) == (Word.WELL, "passes")
    turning.clock.advance(HOUR)
    turning.rollover.revoke(1, offline, "bo")
    turning.hand_over()
    assert (turning.check(old), turning.check(new)) == ("certificate_revoked", "passes")
    assert [line.word for line in authorities(turning.folder, turning.clock)][1] is Word.REVOKED


def test_a_revoked_authority_signs_no_list(turning: Turning) -> None:
    """Otherwise whoever stole its key would bring its leaves back."""
    offline, roots = turning.folder / OFFLINE_FOLDER, (turning.folder / "root.pem").read_bytes()
    before = Lists(turning.folder, turning.clock).current()
    turning.rollover.prepare(offline, "ada")
    turning.rollover.activate("ada")
    turning.rollover.taint(1, "ada")
    turning.rollover.revoke(1, offline, "ada")
    turning.clock.advance(HOUR)
    after = Lists(turning.folder, turning.clock).current()
    root_list = (turning.folder / "revoked-authorities.pem").read_bytes()
    with pytest.raises(PasserelleError, match="revocations_invalid"):
        turning.peer.accept(DOMAIN, before + root_list, roots)
    turning.peer.accept(DOMAIN, after, roots)
    with pytest.raises(PasserelleError, match="revocations_invalid"):
        turning.peer.accept(DOMAIN, after.replace(root_list, b""), roots)  # forgets the revoked one


def test_steps_come_in_order(turning: Turning, tmp_path: Path) -> None:
    offline = turning.folder / OFFLINE_FOLDER
    refused: list[Callable[[], object]] = [
        lambda: turning.rollover.activate("ada"),
        lambda: turning.rollover.taint(1, "ada"),
        lambda: turning.rollover.revoke(1, offline, "ada"),
    ]
    for step in refused:
        with pytest.raises(PasserelleError, match="rollover_refused"):
            step()
    turning.rollover.prepare(offline, "ada")
    with pytest.raises(PasserelleError, match="rollover_refused"):
        turning.rollover.prepare(offline, "ada")
    turning.rollover.activate("ada")
    write_private(tmp_path / "root-key.pem", key_pem(new_key()))
    with pytest.raises(PasserelleError, match="authority_unreadable"):
        turning.rollover.prepare(tmp_path, "ada")


def test_the_inventory_warns_at_thirty_fourteen_seven_and_one_days(turning: Turning) -> None:
    def issuing() -> tuple[Word, int]:
        line = authorities(turning.folder, turning.clock)[1]
        return line.word, line.threshold

    assert issuing() == (Word.WELL, 0)
    for advance, threshold in [(699, 0), (1, 30), (16, 14), (7, 7), (6, 1)]:
        turning.clock.advance(advance * DAY)
        assert issuing()[1] == threshold
    assert issuing()[0] is Word.ENDS


def test_a_leaf_that_nobody_renews_is_overdue(turning: Turning) -> None:
    def words() -> list[Word]:
        return [line.word for line in leaves(turning.folder, turning.clock)]

    turning.issue()
    turning.clock.advance(6 * DAY)
    assert words() == [Word.OVERDUE]
    turning.issue()
    assert words() == [Word.REPLACED, Word.WELL]
    turning.clock.advance(2 * DAY)
    assert words() == [Word.EXPIRED, Word.WELL]


def test_a_number_is_revoked_once_and_only_if_it_was_issued(turning: Turning) -> None:
    store = RevocationStore(open_database(turning.folder / "issued.sqlite"))
    number = serial(turning.issue())
    lists = Lists(turning.folder, turning.clock)
    before = lists.current()
    assert lists.current() == before
    store.add(number, turning.clock.now(), "stolen", "ada")
    turning.hand_over()
    assert lists.current() != before  # at once, not when the list is due
    for wrong in (number, number + 1):
        with pytest.raises(PasserelleError, match="revoke_refused"):
            store.add(wrong, turning.clock.now(), "stolen", "ada")
    turning.clock.advance(8 * DAY)
    assert store.current(turning.clock.now()) == ()  # what has expired need not be listed
