"""An authority and its registry under faults: from the ceremony to the roll-over of the issuing authority."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Final

from passerelle.certificate import Usage, read_chain, verify_peer
from passerelle.clock import HOUR, SystemClock
from passerelle.codec.signed import decode_signed, encode_signed
from passerelle.csr import make_request, new_key
from passerelle.identity import Identity, Role
from passerelle.keyfile import write_durably
from passerelle.manifest import KeyEntry, issue_first
from passerelle.privatefile import make_folder
from passerelle.registry_entry import verify_entry
from passerelle.revocation import RevocationList, Revocations
from passerelle.sign import SigningKey
from passerelle_pki.authority import DATABASE_FILE, Authority, open_authority
from passerelle_pki.ceremony import OFFLINE_FOLDER, RECORD_FILE, hold, read_ceremony
from passerelle_pki.enrolment import Desk
from passerelle_pki.inventory import authorities
from passerelle_pki.operators import Operators
from passerelle_pki.publish import Lists, Publisher
from passerelle_pki.registry import KEY_FILE, Registry, create_registry, open_registry, read_public_key
from passerelle_pki.rollover import Rollover
from passerelle_pki.store import open_database
from passerelle_pki.store.certificates import CertificateStore
from passerelle_pki.store.enrolments import EnrolmentState, EnrolmentStore
from passerelle_pki.store.events import EventKind, EventStore
from passerelle_pki.store.generations import GenerationState
from passerelle_pki.store.revocations import RevocationStore

DOMAIN: Final = "hub.example"
REVIEWED: Final = f"trust_domain: {DOMAIN}\nprepared_by: Ada Adams\nreviewed_by: Bo Brown\n"
POLICE, CUSTOMS = (Identity(DOMAIN, Role.CONNECTOR, name) for name in ("police", "customs"))
STATES: Final = {
    1: (GenerationState.RETIRED, GenerationState.TAINTED, GenerationState.REVOKED),
    2: (GenerationState.PREPARED, GenerationState.ACTIVE),
}


class AuthorityStory:
    """A ceremony from its file; two parties enrolled; one leaf revoked; the issuing authority replaced.

    What left the authority lies in `held`, durably: leaves, and the newest list that a party took.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._held, self._public = folder / "authority", folder / "held", folder / "public"
        self._registry, self._people = folder / "registry", folder / "people"
        self._reviewed = folder / "reviewed.yaml"
        self._reviewed.write_text(REVIEWED, "ascii")
        self._held.mkdir()
        self._clock = SystemClock()
        self._asked = {who: self._newcomer(who) for who in (POLICE, CUSTOMS)}

    def _newcomer(self, who: Identity) -> tuple[bytes, bytes]:
        key, now = SigningKey.generate(), self._clock.now()
        signs = KeyEntry(SigningKey.generate().public, now, now + HOUR)
        return make_request(new_key(), who, Usage.CLIENT), encode_signed(issue_first(key, who, signs))

    def play(self) -> None:
        """Every step that is not there yet, as operators take them again after a crash."""
        authority, registry = self._founded()
        people = Operators(self._people)
        for name in ("ada", "bo"):
            if name not in people.names():
                people.add(name, self._people.with_name(f"{name}.key"))
        self._enrol(authority, registry, people)
        self._show_list(registry)
        revocations = RevocationStore(open_database(self._folder / DATABASE_FILE))
        if self._serial("police") not in revocations.serials():
            revocations.add(self._serial("police"), self._clock.now(), "stolen", "ada")
        self._show_list(registry)
        self._roll_over()
        self._hand_out("customs-again", self._renewed())
        self._show_list(registry)

    def _founded(self) -> tuple[Authority, Registry]:
        if not self._folder.exists():
            # What a crash left is deleted by hand, as the ceremony's page says.
            shutil.rmtree(self._folder.with_name("authority.part"), ignore_errors=True)
            hold(read_ceremony(self._reviewed), self._folder, self._clock, self._reviewed.read_bytes())
        known = (self._registry / KEY_FILE).exists()
        registry = (open_registry if known else create_registry)(self._registry, self._clock)
        return open_authority(self._folder, self._clock), registry

    def _enrol(self, authority: Authority, registry: Registry, people: Operators) -> None:
        store = EnrolmentStore(open_database(self._folder / DATABASE_FILE))
        desk = Desk(authority, registry, store, self._clock)
        ada, bo = (people.act(self._people.with_name(f"{name}.key"), "enrol") for name in ("ada", "bo"))
        for who, asked in self._asked.items():
            if not self._leaf(who.agency).exists():
                ticket, digest = desk.take(desk.make_code(who, who.agency, ada), *asked)
                desk.approve(who.agency, digest.hex(), bo)
                self._hand_out(who.agency, desk.progress(ticket).chain)

    def _renewed(self) -> bytes:
        return open_authority(self._folder, self._clock).issue_leaf(
            CUSTOMS, self._asked[CUSTOMS][0], Usage.CLIENT
        )

    def _leaf(self, name: str) -> Path:
        return self._held / f"{name}.pem"

    def _serial(self, name: str) -> int:
        return read_chain(self._leaf(name).read_bytes())[0].serial_number

    def _hand_out(self, name: str, chain: bytes) -> None:
        make_folder(self._held)
        write_durably(self._leaf(name), chain, mode=0o644, replace=True)

    def _show_list(self, registry: Registry) -> None:
        """A party takes the published list after the one that it holds, and keeps it."""
        lists = Lists(self._folder, self._clock)
        Publisher(lists, registry.signed, (self._public,), (self._public,)).publish()
        (published,) = self._public.glob(f"{DOMAIN}.*")
        taken = published.read_bytes()
        self._taken(taken)
        write_durably(self._held / "list", taken, mode=0o644, replace=True)

    def _taken(self, newest: bytes) -> RevocationList:
        held, roots = Revocations(self._clock), (self._folder / "root.pem").read_bytes()
        before = self._held / "list"
        if before.exists():
            held.accept(DOMAIN, before.read_bytes(), roots)
        return held.accept(DOMAIN, newest, roots)

    def _roll_over(self) -> None:
        rollover, offline = Rollover(self._folder, self._clock), self._folder / OFFLINE_FOLDER

        def state(number: int) -> GenerationState | None:
            known = {one.number: one.state for one in rollover.generations()}
            return known.get(number)

        if state(2) is None:
            rollover.prepare(offline, "ada")
        if state(2) is GenerationState.PREPARED:
            rollover.activate("ada")
        if state(1) is GenerationState.RETIRED:
            rollover.taint(1, "ada")
        if state(1) is GenerationState.TAINTED:
            rollover.revoke(1, offline, "ada")

    def check(self) -> None:
        """Whatever left the authority is known to it, once; the book and the registry are whole."""
        assert (self._folder / RECORD_FILE).read_bytes() == self._reviewed.read_bytes()
        self._check_leaves()
        gone = self._taken((self._held / "list").read_bytes())
        first = Rollover(self._folder, self._clock).certificate(1).serial_number
        assert gone.serials == {self._serial("police"), first}
        assert gone.authorities == {first}
        self._check_registry()
        self._check_book()
        assert len(authorities(self._folder, self._clock)) == 1 + len(STATES)

    def _check_leaves(self) -> None:
        issued = CertificateStore(open_database(self._folder / DATABASE_FILE)).issued()
        known = {leaf.serial: leaf.fingerprint for leaf in issued}
        roots, serials = (self._folder / "root.pem").read_bytes(), Counter[int]()
        for file in self._held.glob("*.pem"):
            leaf = verify_peer(file.read_bytes(), roots, self._clock.now(), Usage.CLIENT)
            assert known[leaf.serial] == leaf.fingerprint
            serials[leaf.serial] += 1
        assert set(serials.values()) == {1}

    def _check_registry(self) -> None:
        key = read_public_key(self._registry / "registry.pub")
        entries = {entry.agency: entry for entry in open_registry(self._registry, self._clock).entries()}
        assert {entry.manifest for entry in entries.values()} == {asked for _, asked in self._asked.values()}
        shown = [decode_signed(file.read_bytes()) for file in self._public.glob("*.entry")]
        assert {entry.agency: entry for entry in (verify_entry(one, key) for one in shown)} == entries

    def _check_book(self) -> None:
        database = open_database(self._folder / DATABASE_FILE)
        book = EventStore(database).all()
        turned = Counter(
            (int(one.detail["number"]), one.detail["state"])
            for one in book
            if one.kind is EventKind.GENERATION_CHANGED
        )
        assert turned == Counter((number, state) for number, states in STATES.items() for state in states)
        kinds = Counter(one.kind for one in book)
        approved = [one for one in EnrolmentStore(database).all() if one.state is EnrolmentState.APPROVED]
        assert kinds[EventKind.LEAF_REVOKED] == 1
        assert kinds[EventKind.APPROVED] == len(approved)
        assert kinds[EventKind.LEAF_ISSUED] == sum(1 for one in approved if one.chain)
