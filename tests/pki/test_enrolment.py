"""Enrolment: codes that hold once and for ten minutes, two people, and the digest between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from passerelle.certificate import Usage, verify_peer
from passerelle.clock import SECOND, ManualClock
from passerelle.codec.signed import encode_signed
from passerelle.csr import make_request, new_key
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.invitation import request_digest
from passerelle.keyfile import KeyKind, write_key
from passerelle.manifest import KeyEntry, issue_first
from passerelle.sign import SigningKey
from passerelle_pki.announce import Announcements
from passerelle_pki.authority import Authority
from passerelle_pki.ceremony import create_authority, hold, read_ceremony
from passerelle_pki.enrolment import CODE_LIFETIME, Desk, code_digest
from passerelle_pki.operators import Operator, Operators
from passerelle_pki.publish import Lists
from passerelle_pki.reception import Reception, make_welcome
from passerelle_pki.registry import Registry, create_registry
from passerelle_pki.store import open_database
from passerelle_pki.store.enrolments import EnrolmentStore
from passerelle_pki.store.events import EventKind, EventStore

DOMAIN = "hub.example"
POLICE = Identity(DOMAIN, Role.CONNECTOR, "police")


@dataclass
class Office:
    """An authority with its registry, its desk and three people."""

    folder: Path
    clock: ManualClock
    authority: Authority
    registry: Registry
    desk: Desk
    events: EventStore
    ada: Operator
    bo: Operator

    def newcomer(self, who: Identity = POLICE, usage: Usage = Usage.CLIENT) -> tuple[bytes, bytes]:
        key, now = SigningKey.generate(), self.clock.now()
        signs = KeyEntry(SigningKey.generate().public, now, now + 1000 * SECOND)
        return make_request(new_key(), who, usage), encode_signed(issue_first(key, who, signs))

    def kinds(self) -> list[EventKind]:
        return [event.kind for event in self.events.all()]


def office_of(tmp_path: Path, clock: ManualClock, authority: Authority, folder: Path) -> Office:
    database = open_database(folder / "issued.sqlite")
    registry, events = create_registry(tmp_path / "registry", clock), EventStore(database)
    people = Operators(tmp_path / "operators")
    ada, bo = (people.add(name, tmp_path / f"{name}.key") for name in ("ada", "bo"))
    desk = Desk(authority, registry, EnrolmentStore(database), clock)
    return Office(tmp_path, clock, authority, registry, desk, events, ada, bo)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    clock = ManualClock()
    authority = create_authority(tmp_path / "authority", DOMAIN, clock)
    return office_of(tmp_path, clock, authority, tmp_path / "authority")


def code(action: Callable[[], object]) -> str:
    with pytest.raises(PasserelleError) as caught:
        action()
    return caught.value.code


def test_a_newcomer_is_taken_in_by_two_people(office: Office) -> None:
    told = office.desk.make_code(POLICE, "Police", office.ada)
    request, manifest = office.newcomer()
    ticket, digest = office.desk.take(told.lower().replace("-", " "), request, manifest)
    assert digest == request_digest(request, manifest)
    assert office.desk.progress(ticket).state == "requested"
    office.desk.approve("police", digest.hex(), office.bo)
    done = office.desk.progress(ticket)
    leaf = verify_peer(done.chain, office.authority.roots, office.clock.now(), Usage.CLIENT)
    assert leaf.identity == POLICE
    (entry,) = office.registry.entries()
    assert (entry.agency, entry.manifest, entry.roots_pem) == ("police", manifest, office.authority.roots)
    assert (done.made_by, done.decided_by) == ("ada", "bo")
    assert office.kinds() == [
        EventKind.CODE_MADE,
        EventKind.REQUEST_TAKEN,
        EventKind.APPROVED,
        EventKind.LEAF_ISSUED,
    ]


def test_the_welcome_comes_with_the_leaf_and_not_before(office: Office) -> None:
    welcome = make_welcome(None, None, office.registry.public_key, office.registry.signed())
    lists = Lists(office.folder / "authority", office.clock)
    told = Announcements(office.registry, office.clock)
    reception = Reception(None, office.desk, lists, told, lambda: welcome)  # type: ignore[arg-type]  # no renewals
    request, manifest = office.newcomer()
    ticket, digest = office.desk.take(office.desk.make_code(POLICE, "P", office.ada), request, manifest)
    waiting = reception.progress(ticket)
    assert (waiting.state, waiting.chain, waiting.welcome) == ("requested", b"", None)
    office.desk.approve("police", digest.hex(), office.bo)
    assert reception.progress(ticket).welcome == welcome


def test_a_code_holds_ten_minutes_and_once(office: Office) -> None:
    told = office.desk.make_code(POLICE, "Police", office.ada)
    asked = office.newcomer()
    assert code(lambda: office.desk.take("AAAAA-AAAAA-AAAAA-AAAAA", *asked)) == "enrolment_code_unknown"
    first, _ = office.desk.take(told, *asked)
    again, _ = office.desk.take(told, *asked)  # its answer was lost
    assert office.desk.progress(again).state == "requested"
    assert code(lambda: office.desk.progress(first)) == "enrolment_ticket_unknown"
    assert code(lambda: office.desk.take(told, *office.newcomer())) == "enrolment_code_used"
    late = office.desk.make_code(POLICE, "Police", office.ada)
    office.clock.advance(CODE_LIFETIME)
    assert code(lambda: office.desk.take(late, *office.newcomer())) == "enrolment_code_expired"


def test_a_code_is_stored_as_its_digest(office: Office) -> None:
    told = office.desk.make_code(POLICE, "Police", office.ada)
    stored = b"".join(file.read_bytes() for file in (office.folder / "authority").glob("issued.sqlite*"))
    assert code_digest(told) in stored
    for written in (told, told.replace("-", "")):
        assert written.encode() not in stored


def test_who_made_the_code_does_not_approve(office: Office) -> None:
    request, manifest = office.newcomer()
    _, digest = office.desk.take(office.desk.make_code(POLICE, "P", office.ada), request, manifest)
    assert code(lambda: office.desk.approve("police", digest.hex(), office.ada)) == "enrolment_same_person"
    assert office.authority.store.issued() == ()
    assert office.registry.entries() == ()


def test_the_digest_is_typed_and_long_enough(office: Office) -> None:
    assert code(lambda: office.desk.approve("police", "0" * 64, office.bo)) == "enrolment_nothing_waits"
    request, manifest = office.newcomer()
    _, digest = office.desk.take(office.desk.make_code(POLICE, "P", office.ada), request, manifest)
    for typed in ("", digest.hex()[:15], "0" * 64):
        assert code(partial(office.desk.approve, "police", typed, office.bo)) == "enrolment_digest_wrong"
    office.desk.approve("police", " ".join((digest.hex()[:8], digest.hex()[8:16])).upper(), office.bo)


def test_only_what_the_code_is_for_is_taken_and_a_mistake_does_not_use_it_up(office: Office) -> None:
    told = office.desk.make_code(POLICE, "Police", office.ada)
    other = Identity(DOMAIN, Role.CONNECTOR, "customs")
    request, manifest = office.newcomer()
    foreign_request, foreign_manifest = office.newcomer(other)
    _, abroad = office.newcomer(Identity("police.example", Role.CONNECTOR, "police"))
    for asked, refusal in [
        ((foreign_request, manifest), "enrolment_refused"),
        ((request, foreign_manifest), "manifest_wrong_agency"),
        ((request, abroad), "enrolment_refused"),
        ((make_request(new_key(), POLICE, Usage.SERVER), manifest), "enrolment_refused"),
        ((b"", manifest), "request_invalid"),
        ((request, b"\xff"), "message_malformed"),
        ((b"x" * 10_000, manifest), "enrolment_refused"),
    ]:
        assert code(partial(office.desk.take, told, *asked)) == refusal
    office.desk.take(told, request, manifest)


def test_codes_are_made_for_this_domain_and_for_parties_only(office: Office) -> None:
    for who in (Identity("police.example", Role.CONNECTOR, "police"), Identity(DOMAIN, Role.OPERATOR, "ada")):
        assert code(partial(office.desk.make_code, who, "x", office.ada)) == "enrolment_refused"


def test_a_request_can_be_rejected(office: Office) -> None:
    assert code(lambda: office.desk.reject("police", office.bo)) == "enrolment_nothing_waits"
    ticket, digest = office.desk.take(office.desk.make_code(POLICE, "P", office.ada), *office.newcomer())
    assert office.desk.reject("police", office.bo) == 1
    assert office.desk.progress(ticket).state == "rejected"
    assert code(lambda: office.desk.approve("police", digest.hex(), office.bo)) == "enrolment_nothing_waits"
    assert office.kinds()[-1] is EventKind.REJECTED


def test_a_leaf_of_another_authority_completes_an_approval(tmp_path: Path) -> None:
    clock = ManualClock()
    elsewhere = create_authority(tmp_path / "elsewhere", DOMAIN, clock)
    (tmp_path / "c.yaml").write_text(
        f"prepared_by: Ada\nreviewed_by: Bo\ntrust_domain: {DOMAIN}\n"
        "issuing: {key: external}\nexternal_root: elsewhere/root.pem\n"
    )
    here = hold(read_ceremony(tmp_path / "c.yaml"), tmp_path / "here", clock)
    office = office_of(tmp_path, clock, here, tmp_path / "here")
    ticket, digest = office.desk.take(office.desk.make_code(POLICE, "P", office.ada), *office.newcomer())
    assert code(lambda: office.desk.exported("police")) == "enrolment_nothing_waits"
    assert code(lambda: office.desk.approve("police", digest.hex(), office.bo)) == "issuer_external"
    request = office.desk.exported("police")
    office.desk.adopt("police", elsewhere.issue_leaf(POLICE, request, Usage.CLIENT))
    assert office.desk.progress(ticket).chain
    assert code(lambda: office.desk.adopt("police", b"")) == "enrolment_nothing_waits"


def test_people_act_with_keys_of_their_own(office: Office, tmp_path: Path) -> None:
    people = Operators(tmp_path / "operators")
    assert people.names() == ("ada", "bo")
    assert people.act(tmp_path / "ada.key", "approve", "police") == office.ada
    write_key(tmp_path / "stranger.key", KeyKind.SIGNING, SigningKey.generate().raw)
    assert code(lambda: people.act(tmp_path / "stranger.key", "approve")) == "operator_unknown"
    (tmp_path / "bo.key").chmod(0o644)
    assert code(lambda: people.act(tmp_path / "bo.key", "approve")) == "key_file_permissions"
    for name, key in [("ada", "new.key"), ("cy", "ada.key"), ("../x", "new.key"), ("", "new.key")]:
        assert code(partial(people.add, name, tmp_path / key)) == "operator_refused"
