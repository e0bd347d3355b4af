"""Enrolment: a newcomer becomes a party by the hands of two operators.

Protocol
(1) an operator makes a one-time code for one identity; it holds ten minutes and is stored as a digest;
(2) the code is told, with the fingerprint of the root, over a channel on which both know each other; (3) the
newcomer makes its keys, checks the fingerprint, and sends code, certificate request and first key manifest;
(4) all three are checked and the code is used up; (5) both sides see the digest of what was asked; (6) a
second operator, who compared it with the newcomer, approves with it; (7) the registry's entry is published,
(8) the leaf is issued; (9) the newcomer fetches both with its ticket.

Who reads the code over a shoulder can send a request first; its digest is not the newcomer's, which (6) finds
out, and the newcomer's own request is refused at (4). Who swaps the request at the authority is found by (6)
too. One operator alone makes nobody a party. A refusal at (4) for what is wrong with the request does not use
the code up.

Fault table
| fails at | state afterwards | what to do |
|---|---|---|
| (4) before its commit | the code is unused | the newcomer runs its command again |
| (4) answer lost | the request is taken | the same request with the same code gets a new ticket |
| (6) to (8) | approved, perhaps published, no leaf | approve again: the same steps are taken again |
| (9) | approved | the newcomer runs its command again |
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from typing import Final

from passerelle.certificate import USAGES
from passerelle.clock import SECOND, Clock
from passerelle.csr import read_request
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.invitation import request_digest
from passerelle.manifest import read_manifest
from passerelle_pki.authority import Authority
from passerelle_pki.calls import ENROL
from passerelle_pki.operators import Operator
from passerelle_pki.registry import Party, Registry
from passerelle_pki.store.enrolments import Asked, Enrolment, EnrolmentState, EnrolmentStore
from passerelle_pki.store.events import EventKind, event_of

CODE_LIFETIME: Final = 600 * SECOND
CODE_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: no letter that sounds or looks like another."""
CODE_LENGTH: Final = 20
TICKET_BYTES: Final = 32
DIGEST_TYPED: Final = 16
"""Hexadecimal digits of the digest that the second operator types at least: 64 bits."""
MAX_REQUEST: Final = 8 * 1024
MAX_MANIFEST: Final = 32 * 1024

_GROUP: Final = 5


class Desk:
    """Where enrolments are made and decided. Not for concurrent use: one thread of a process."""

    def __init__(
        self,
        authority: Authority,
        registry: Registry | None,
        store: EnrolmentStore,
        clock: Clock,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """Without `registry` only leaves are issued: entries are somebody else's."""
        self._authority = authority
        self._registry = registry
        self._store = store
        self._clock = clock
        self._random = random

    def make_code(self, identity: Identity, name: str, operator: Operator) -> str:
        """A one-time code for one identity (1); it is nowhere else afterwards.

        Raises:
            PasserelleError: `enrolment_refused`.
        """
        if identity.trust_domain != self._authority.trust_domain or identity.role not in ENROL.roles:
            raise PasserelleError("enrolment_refused", f"{identity} is not enrolled here")
        letters = (CODE_LETTERS[byte % len(CODE_LETTERS)] for byte in self._random(CODE_LENGTH))
        code, now = "".join(letters), self._clock.now()
        event = event_of(EventKind.CODE_MADE, operator.name, now, identity=str(identity))
        self._store.add(identity, name, code_digest(code), now + CODE_LIFETIME, event)
        return "-".join(code[at : at + _GROUP] for at in range(0, CODE_LENGTH, _GROUP))

    def take(self, code: str, request: bytes, manifest: bytes) -> tuple[bytes, bytes]:
        """Take a newcomer's request (4); returns the ticket and the digest of the request.

        Raises:
            PasserelleError: `enrolment_code_unknown`, `enrolment_code_expired`, `enrolment_code_used`,
                `enrolment_refused`, `request_invalid`, what the manifest raises.
        """
        now = self._clock.now()
        known = self._store.by_code(code_digest(code))
        if known is None:
            raise PasserelleError("enrolment_code_unknown", "no such code")
        if now >= known.until:
            raise PasserelleError("enrolment_code_expired", f"enrolment {known.number}")
        asked = Asked(request, manifest, request_digest(request, manifest))
        check_asked(known.identity, asked)
        ticket = self._random(TICKET_BYTES)
        said = {"identity": str(known.identity), "digest": asked.digest.hex()}
        event = event_of(EventKind.REQUEST_TAKEN, "newcomer", now, **said)
        self._store.take(known.number, asked, _ticket_digest(ticket), event)
        return ticket, asked.digest

    def progress(self, ticket: bytes) -> Enrolment:
        """The enrolment of a ticket.

        Raises:
            PasserelleError: `enrolment_ticket_unknown`.
        """
        known = self._store.by_ticket(_ticket_digest(ticket))
        if known is None:
            raise PasserelleError("enrolment_ticket_unknown", "no such ticket")
        return known

    def approve(self, agency: str, typed: str, operator: Operator) -> Enrolment:
        """Approve the request of an agency whose digest begins as typed (6 to 8).

        Raises:
            PasserelleError: `enrolment_digest_wrong`, `enrolment_same_person`, `enrolment_nothing_waits`,
                what publishing and issuing raise (`issuer_external`: approved, to be exported).
        """
        waiting, now = self._waiting(agency, typed), self._clock.now()
        if waiting.made_by == operator.name:
            raise PasserelleError("enrolment_same_person", operator.name)
        if waiting.state is EnrolmentState.REQUESTED:
            said = {"identity": str(waiting.identity), "made_by": waiting.made_by}
            event = event_of(EventKind.APPROVED, operator.name, now, **said, digest=waiting.digest.hex())
            self._store.decide(waiting.number, EnrolmentState.APPROVED, event)
        if self._registry is not None:
            self._registry.publish(party(waiting, self._authority.roots))  # (7)
        usage = read_request(waiting.request).usage
        chain = self._authority.issue_leaf(waiting.identity, waiting.request, usage)  # (8)
        event = event_of(EventKind.LEAF_ISSUED, operator.name, now, identity=str(waiting.identity))
        self._store.complete(waiting.number, chain, event)
        return waiting

    def exported(self, agency: str) -> bytes:
        """The certificate request (PEM) of an approved enrolment that waits for its chain.

        Raises:
            PasserelleError: `enrolment_nothing_waits`.
        """
        return self._approved(agency).request

    def adopt(self, agency: str, chain: bytes) -> Enrolment:
        """Complete an approved enrolment with the chain that another authority issued.

        Raises:
            PasserelleError: `enrolment_nothing_waits`, what `Authority.adopt_leaf` raises.
        """
        one, now = self._approved(agency), self._clock.now()
        usage = read_request(one.request).usage
        taken = self._authority.adopt_leaf(one.identity, one.request, chain, usage)
        event = event_of(EventKind.LEAF_IMPORTED, "operator", now, identity=str(one.identity))
        self._store.complete(one.number, taken, event)
        return one

    def reject(self, agency: str, operator: Operator) -> int:
        """Reject whatever waits of an agency; returns how many.

        Raises:
            PasserelleError: `enrolment_nothing_waits`.
        """
        waiting = [one for one in self._store.waiting(agency) if one.state is EnrolmentState.REQUESTED]
        if not waiting:
            raise PasserelleError("enrolment_nothing_waits", agency)
        for one in waiting:
            now = self._clock.now()
            event = event_of(EventKind.REJECTED, operator.name, now, identity=str(one.identity))
            self._store.decide(one.number, EnrolmentState.REJECTED, event)
        return len(waiting)

    def _approved(self, agency: str) -> Enrolment:
        found = [one for one in self._store.waiting(agency) if one.state is EnrolmentState.APPROVED]
        if not found:
            raise PasserelleError("enrolment_nothing_waits", agency)
        return found[-1]

    def _waiting(self, agency: str, typed: str) -> Enrolment:
        start = re.sub(r"[\s:-]", "", typed).lower()
        waiting = self._store.waiting(agency)
        if not waiting:
            raise PasserelleError("enrolment_nothing_waits", agency)
        found = [one for one in waiting if len(start) >= DIGEST_TYPED and one.digest.hex().startswith(start)]
        if not found:
            raise PasserelleError("enrolment_digest_wrong", agency)
        return found[-1]


def check_asked(identity: Identity, asked: Asked) -> None:
    """Check that a newcomer asks for what its code is for, with keys that it holds.

    Raises:
        PasserelleError: `enrolment_refused`, `request_invalid`, what the manifest raises.
    """
    if len(asked.request) > MAX_REQUEST or len(asked.manifest) > MAX_MANIFEST:
        raise PasserelleError("enrolment_refused", "too long")
    request = read_request(asked.request)
    if request.identity != identity or request.usage not in USAGES[identity.role]:
        raise PasserelleError("enrolment_refused", "the request is for another identity or use")
    manifest = read_manifest(asked.manifest, identity.agency)
    if manifest.sequence != 1 or manifest.trust_domain != identity.trust_domain:
        raise PasserelleError("enrolment_refused", "no first manifest of this trust domain")


def party(enrolment: Enrolment, roots: bytes) -> Party:
    """The registry's party of an approved enrolment."""
    who = enrolment.identity
    return Party(who.agency, who.trust_domain, (who.role,), enrolment.name, roots, enrolment.manifest)


def code_digest(code: str) -> bytes:
    """The digest of a code as people type it; a hundred random bits need no slow hash."""
    plain = re.sub(r"[\s-]", "", code).upper().replace("O", "0").replace("I", "1").replace("L", "1")
    return hashlib.sha256(b"passerelle/enrolment-code/1\0" + plain.encode("utf-8")).digest()


def _ticket_digest(ticket: bytes) -> bytes:
    return hashlib.sha256(b"passerelle/enrolment-ticket/1\0" + ticket).digest()
