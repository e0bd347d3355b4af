"""A party joins: from an invitation and a code to a folder with which its role runs.

Protocol
(1) the invitation's root is compared with the fingerprint that was told: absent or wrong, nothing is sent;
(2) keys, manifest and certificate request are made here, by the role (`Joining.make`), and keys never leave;
(3) code, request and manifest are sent; the ticket is kept (mode 0600); (4) the digest of what was asked is
shown, for the second operator; (5) the authority is asked again and again until somebody decided; (6) the
answer is verified: our leaf for our key under the root of (1), entries under the registry's key; (7)
everything is written, the leaf last, and the ticket is removed.

Run again after a crash or an interruption it goes on: with a ticket from (5), without one from (1), and keys
that exist stay. What is trusted of the answer comes over a connection that is pinned to the root of (1).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from passerelle.certificate import Usage, read_chain, verify_peer
from passerelle.clock import Clock
from passerelle.codec.signed import encode_signed
from passerelle.csr import load_key, read_request
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.invitation import Invitation, request_digest
from passerelle.keyfile import read_private, write_durably, write_private
from passerelle.privatefile import make_folder
from passerelle.registry_entry import RegistryEntry, verify_entry
from passerelle.sign import VerifyingKey
from passerelle.welcome import EnrolmentStatus, Welcome

TICKET: Final = "enrolment.ticket"
PAUSE: Final = 2.0
"""Seconds between two questions to the authority."""
AGAIN: Final = frozenset({"peer_unavailable", "peer_timeout", "quota_exceeded"})

_PUBLIC: Final = 0o644


@dataclass(frozen=True, slots=True)
class Place:
    """The role's folder, with the names that its configuration has by default."""

    folder: Path

    @property
    def keys(self) -> Path:
        """Keys, leaf and roots."""
        return self.folder / "keys"

    @property
    def ticket(self) -> Path:
        """The ticket of an enrolment that is not decided yet."""
        return self.keys / TICKET


@dataclass(frozen=True, slots=True)
class Joining:
    """What a role brings along.

    `usage` is what its leaf is for. `make` writes keys, `leaf.csr` and `manifest.signed` into the folder of
    keys; what exists stays. `configuration` is the text of `<role>.toml`, written where none is.
    """

    role: Role
    usage: Usage
    make: Callable[[Identity, Path, Clock], None]
    configuration: Callable[[Identity, Invitation, Welcome], str]


class Authority(Protocol):
    """What an enrolment asks of an authority: `passerelle.rpc.authority.AuthorityClient`."""

    async def enrol(self, code: str, request: bytes, manifest: bytes) -> tuple[bytes, bytes]: ...

    async def progress(self, ticket: bytes) -> EnrolmentStatus: ...


class Newcomer:
    """One enrolment."""

    def __init__(
        self, joining: Joining, invitation: Invitation, place: Place, client: Authority, clock: Clock
    ) -> None:
        self._joining = joining
        self._invitation = invitation
        self._place = place
        self._client = client
        self._clock = clock
        self._identity: Final = invitation.identity

    @property
    def waits(self) -> bool:
        """Whether a request was sent before and is not fetched yet."""
        return self._place.ticket.exists()

    async def ask(self, code: str, fingerprint: str) -> bytes:
        """Steps 1 to 3; returns the digest of what was asked.

        Raises:
            PasserelleError: `fingerprint_missing`, `fingerprint_wrong`, the authority's code,
                `invitation_malformed`, `peer_unavailable`, `peer_timeout`.
        """
        self._invitation.check(fingerprint)  # (1)
        if self._identity.role is not self._joining.role:
            raise PasserelleError("invitation_malformed", f"for a {self._identity.role}")
        self._joining.make(self._identity, self._place.keys, self._clock)  # (2)
        request, manifest = _asked(self._place)
        ticket, told = await self._client.enrol(code, request, manifest)  # (3)
        ours = request_digest(request, manifest)
        if told != ours:
            raise PasserelleError("invitation_malformed", "the authority took something else")
        write_private(self._place.ticket, ticket, replace=True)
        return ours

    async def wait(
        self, fingerprint: str, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> Welcome:
        """Steps 5 to 7.

        Raises:
            PasserelleError: `fingerprint_missing`, `fingerprint_wrong`, `enrolment_rejected`,
                `enrolment_ticket_unknown`, `invitation_malformed`, whatever the answer does not hold.
        """
        self._invitation.check(fingerprint)
        ticket = read_private(self._place.ticket)
        while True:
            status = await self._progress(ticket)  # (5)
            if status is not None and status.state == "rejected":
                self._place.ticket.unlink()
                raise PasserelleError("enrolment_rejected", str(self._identity))
            if status is not None and status.state == "approved":
                break
            await sleep(PAUSE)
        if status.welcome is None:
            raise PasserelleError("invitation_malformed", "approved without a welcome")
        entries = self._check(status.chain, status.welcome)  # (6)
        self._write(status.chain, status.welcome, entries)  # (7)
        return status.welcome

    async def _progress(self, ticket: bytes) -> EnrolmentStatus | None:
        try:
            return await self._client.progress(ticket)
        except PasserelleError as error:
            if error.code not in AGAIN:
                raise
            return None

    def _check(self, chain: bytes, welcome: Welcome) -> tuple[RegistryEntry, ...]:
        leaf = verify_peer(chain, self._invitation.root, self._clock.now(), self._joining.usage)
        key = load_key(read_private(self._place.keys / "leaf-key.pem"))
        if leaf.identity != self._identity or read_chain(chain)[0].public_key() != key.public_key():
            raise PasserelleError("invitation_malformed", "a leaf for another identity or key")
        registry = VerifyingKey(welcome.registry_key)
        entries = tuple(verify_entry(signed, registry) for signed in welcome.entries)
        own = next((entry for entry in entries if entry.agency == self._identity.agency), None)
        manifest = (self._place.keys / "manifest.signed").read_bytes()
        if own is not None and own.manifest != manifest:
            raise PasserelleError("invitation_malformed", "our entry names other keys than ours")
        return entries

    def _write(self, chain: bytes, welcome: Welcome, entries: tuple[RegistryEntry, ...]) -> None:
        folder, keys = self._place.folder, self._place.keys
        make_folder(folder / "entries", 0o755)
        _put(folder / "registry.pub", welcome.registry_key)
        for entry, signed in zip(entries, welcome.entries, strict=True):
            _put(folder / "entries" / f"{entry.agency}.entry", encode_signed(signed))
        if welcome.group_keys:
            _put(folder / "group-keys.json", welcome.group_keys)
        config = folder / f"{self._joining.role}.toml"
        if not config.exists():
            text = self._joining.configuration(self._identity, self._invitation, welcome)
            write_durably(config, text.encode("utf-8"), mode=_PUBLIC)
        _put(keys / "roots.pem", self._invitation.root)
        _put(keys / "leaf.pem", chain)
        self._place.ticket.unlink()


def asked_digest(place: Place) -> bytes:
    """The digest of the request that waits, to be shown again."""
    request, manifest = _asked(place)
    read_request(request)
    return request_digest(request, manifest)


def _asked(place: Place) -> tuple[bytes, bytes]:
    """Certificate request and first manifest."""
    return (place.keys / "leaf.csr").read_bytes(), (place.keys / "manifest.signed").read_bytes()


def read_code(file: Path | None, ask: Callable[[str], str]) -> str:
    """The one-time code: from a private file, or typed without being shown; never an argument.

    Raises:
        PasserelleError: what reading a private file raises.
    """
    if file is not None:
        return read_private(file).decode("utf-8", "replace").strip()
    return ask("code: ").strip()


def _put(file: Path, content: bytes) -> None:
    write_durably(file, content, mode=_PUBLIC, replace=True)


def authority_tables(invitation: Invitation) -> str:
    """The tables of a configuration that name the authority: it renews the leaf, and its list is fetched."""
    domain = json.dumps(invitation.authority.trust_domain)
    return f"{pki_table(invitation)}\n[[revocation.sources]]\ntrust_domain = {domain}\n{_place(invitation)}"


def pki_table(invitation: Invitation) -> str:
    """The table that names the authority which renews the leaf."""
    return f"[pki]\n{_place(invitation)}"


def _place(invitation: Invitation) -> str:
    address, agency = json.dumps(invitation.address), json.dumps(invitation.authority.agency)
    return f"address = {address}\nagency = {agency}\n"
