"""Roll-over of the issuing authority: prepare, activate, taint, revoke. The root stays and is needed twice.

| step | needs the root's key | afterwards |
|---|---|---|
| prepare | yes | the next issuing authority exists, signed by the root, and issues nothing |
| activate | no | it issues every leaf and signs the list; the one before is *retired*, its leaves run out |
| taint | no | a retired authority is *tainted*: its leaves still hold; all are renewed at once (see below) |
| revoke | yes | the root's list names it: every leaf under it is refused everywhere, whoever signed it |

`taint` revokes nothing. It puts the leaves that are still held under the old authority on the inventory's
list as overdue, so that an operator sees who has to renew before `revoke`. In an emergency the steps follow
each other within a minute. Each step is one transaction; a crash leaves the state before or after it, and at
most a folder of a generation that no line names, which the next `prepare` replaces.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from passerelle.clock import Clock
from passerelle.csr import load_key
from passerelle.errors import PasserelleError
from passerelle.keyfile import read_private, write_durably
from passerelle.privatefile import make_folder, sync_folder
from passerelle.token import TokenKey
from passerelle_pki.authority import (
    DATABASE_FILE,
    generation_folder,
    trust_domain_of,
)
from passerelle_pki.ceremony import ROOT_KEY_FILE, check_issued, write_issuing
from passerelle_pki.issuer import ISSUING_FILE, ROOT_FILE
from passerelle_pki.lists import Revoked, authority_list
from passerelle_pki.profile import issuing_certificate, new_authority_key
from passerelle_pki.store import open_database
from passerelle_pki.store.generations import Generation, GenerationState, GenerationStore
from passerelle_pki.token import make_token_key

AUTHORITY_LIST_FILE: Final = "revoked-authorities.pem"


class Rollover:
    """The roll-over of one authority's folder. One process at a time."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._store = GenerationStore(open_database(folder / DATABASE_FILE))

    def generations(self) -> tuple[Generation, ...]:
        """All issuing authorities by number."""
        return self._store.all()

    def certificate(self, number: int) -> x509.Certificate:
        """An issuing authority's certificate.

        Raises:
            PasserelleError: `authority_unreadable`.
        """
        return _certificate(generation_folder(self._folder, number) / ISSUING_FILE)

    def prepare(self, offline: Path, actor: str, token: TokenKey | None = None) -> int:
        """Make the next issuing authority; `offline` is the folder with the root's key. Returns its number.

        Raises:
            PasserelleError: `rollover_refused`, `authority_unreadable`, `ceremony_invalid`,
                `token_unavailable`, `token_key_exists`, what reading the root's key raises.
        """
        known = self.generations()
        if any(one.state is GenerationState.PREPARED for one in known):
            raise PasserelleError("rollover_refused", "one is prepared already")
        number, now = known[-1].number + 1, self._clock.now()
        root, root_key = self._root(offline)
        key = make_token_key(token) if token else new_authority_key()
        issuing = issuing_certificate(key.public_key(), root, root_key, trust_domain_of(self._folder), now)
        check_issued(issuing, root)
        place = generation_folder(self._folder, number)
        shutil.rmtree(place, ignore_errors=True)  # of a crash before its line
        make_folder(place)
        write_issuing(place, issuing, key, token)
        sync_folder(place)
        self._put({number: GenerationState.PREPARED}, actor)
        return number

    def activate(self, actor: str) -> int:
        """Let the prepared authority issue from now on; returns its number.

        Raises:
            PasserelleError: `rollover_refused`.
        """
        prepared = self._one(GenerationState.PREPARED)
        active = self._one(GenerationState.ACTIVE)
        self._put({active: GenerationState.RETIRED, prepared: GenerationState.ACTIVE}, actor)
        return prepared

    def taint(self, number: int, actor: str) -> None:
        """Mark a retired authority: whoever holds a leaf under it must renew.

        Raises:
            PasserelleError: `rollover_refused`.
        """
        self._expect(number, GenerationState.RETIRED)
        self._put({number: GenerationState.TAINTED}, actor)

    def revoke(self, number: int, offline: Path, actor: str) -> None:
        """Have the root revoke a tainted authority.

        Raises:
            PasserelleError: `rollover_refused`, `authority_unreadable`, what reading the root's key raises.
        """
        self._expect(number, GenerationState.TAINTED)
        root, root_key = self._root(offline)
        gone = [
            one for one in self.generations() if one.state is GenerationState.REVOKED or one.number == number
        ]
        now = self._clock.now()
        revoked = [
            Revoked(self.certificate(one.number).serial_number, one.changed if one.number != number else now)
            for one in gone
        ]
        listed = authority_list(revoked, root, root_key, now)
        pem = listed.public_bytes(serialization.Encoding.PEM)
        write_durably(self._folder / AUTHORITY_LIST_FILE, pem, mode=0o644, replace=True)
        self._put({number: GenerationState.REVOKED}, actor)

    def _root(self, offline: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        root = _certificate(self._folder / ROOT_FILE)
        key = load_key(read_private(offline / ROOT_KEY_FILE))
        if key.public_key() != root.public_key():
            raise PasserelleError("authority_unreadable", "the key is not the root's")
        return root, key

    def _one(self, state: GenerationState) -> int:
        found = [one.number for one in self.generations() if one.state is state]
        if len(found) != 1:
            raise PasserelleError("rollover_refused", f"{len(found)} are {state}")
        return found[0]

    def _expect(self, number: int, state: GenerationState) -> None:
        if not any(one.number == number and one.state is state for one in self.generations()):
            raise PasserelleError("rollover_refused", f"{number} is not {state}")

    def _put(self, states: dict[int, GenerationState], actor: str) -> None:
        self._store.put(states, self._clock.now(), actor)


def _certificate(file: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError) as error:
        raise PasserelleError("authority_unreadable", f"{file.name}: {type(error).__name__}") from error
