"""The federation as one side knows it: parties by registry entry, their roots, and who may take part.

Rules
-----
1. Every party has an entry, except operators and pki of the side's own trust domain, for which its own
   authority vouches.
2. A verified identity stands only if the entry of its agency names the same trust domain and the role, and
   is active.
3. Entries are taken in order of revision: an equal one changes nothing, an older or contradicting one is
   refused. A name once taken keeps its trust domain for ever.
4. The roots of a trust domain that several parties share are those of the entry issued last. Removed
   entries lend no roots.

Reads happen on the event loop for every message and touch one dictionary; `accept` replaces whole values,
so a reader in another thread (gRPC's handshakes) sees the old or the new state, never a mixture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.registry_entry import RegistryEntry, Status

HOME_ROLES: Final = frozenset({Role.OPERATOR, Role.PKI})


class Federation:
    """Implements `passerelle.rpc.rule.Trust` and `Standing` from verified entries.

    Args:
        home: the side's own trust domain.
        home_roots: its roots (PEM).
        entries: verified entries, in any order.

    Raises:
        PasserelleError: `registry_entry_invalid`.
    """

    def __init__(self, home: str, home_roots: bytes, entries: Iterable[RegistryEntry] = ()) -> None:
        self._home = home
        self._home_roots = home_roots
        self._entries: Mapping[str, RegistryEntry] = {}
        self._roots: Mapping[str, bytes] = {home: home_roots}
        self._bundle = home_roots
        self._revoked: frozenset[tuple[str, int]] = frozenset()
        self._suspended: frozenset[str] = frozenset()
        for entry in sorted(entries, key=lambda item: item.revision):
            self.accept(entry)

    def accept(self, entry: RegistryEntry) -> None:
        """Take a verified entry.

        Raises:
            PasserelleError: `registry_entry_invalid`, older than the one known, or contradicting it.
        """
        known = self._entries.get(entry.agency)
        if known is not None:
            if known == entry:
                return
            if entry.revision <= known.revision:
                raise PasserelleError("registry_entry_invalid", f"{entry.agency}: revision {entry.revision}")
            if entry.trust_domain != known.trust_domain:
                raise PasserelleError("registry_entry_invalid", f"{entry.agency}: another trust domain")
        self._entries = {**self._entries, entry.agency: entry}
        self._roots = self._roots_now()
        self._bundle = b"".join(dict.fromkeys(self._roots.values()))

    def revoke(self, trust_domain: str, serials: Iterable[int]) -> None:
        """Replace the revoked serial numbers of one trust domain."""
        others = {item for item in self._revoked if item[0] != trust_domain}
        self._revoked = frozenset(others | {(trust_domain, serial) for serial in serials})

    def entry(self, agency: str) -> RegistryEntry:
        """The entry of an agency, whatever its status.

        Raises:
            PasserelleError: `agency_unknown`.
        """
        try:
            return self._entries[agency]
        except KeyError:
            raise PasserelleError("agency_unknown", f"no entry of {agency[:64]}") from None

    @property
    def entries(self) -> tuple[RegistryEntry, ...]:
        """All entries, by name of the agency."""
        return tuple(self._entries[agency] for agency in sorted(self._entries))

    def roots(self, trust_domain: str) -> bytes:
        """PEM roots of one domain.

        Raises:
            PasserelleError: `trust_domain_unknown`.
        """
        try:
            return self._roots[trust_domain]
        except KeyError:
            raise PasserelleError("trust_domain_unknown", "no entry names it") from None

    def bundle(self) -> bytes:
        """PEM roots of all domains together."""
        return self._bundle

    def suspend(self, agencies: Iterable[str]) -> None:
        """Replace the agencies that this side suspends by itself, whatever their entries say; reversible."""
        self._suspended = frozenset(agencies)

    def check_party(self, agency: str) -> None:
        """Whether an agency may be told anything, whoever of it asks; no entry is no hindrance here.

        Raises:
            PasserelleError: `agency_suspended`, by its entry or this side; `agency_unknown`, removed.
        """
        if agency in self._suspended:
            raise PasserelleError("agency_suspended", f"{agency}, by this side")
        entry = self._entries.get(agency)
        if entry is not None and entry.status is Status.SUSPENDED:
            raise PasserelleError("agency_suspended", agency)
        if entry is not None and entry.status is Status.REMOVED:
            raise PasserelleError("agency_unknown", f"{agency} was removed")

    def check(self, identity: Identity, serial: int, issuer: int = 0) -> None:
        """Rule 2, then the numbers given to `revoke`; `issuer` is that of the authority above the leaf.

        Raises:
            PasserelleError: `agency_unknown`, `role_not_allowed`, `agency_suspended`, `certificate_revoked`.
        """
        if identity.agency in self._suspended:
            raise PasserelleError("agency_suspended", f"{identity.agency}, by this side")
        entry = self._entries.get(identity.agency)
        if entry is not None and entry.trust_domain == identity.trust_domain:
            if entry.status is Status.SUSPENDED:
                raise PasserelleError("agency_suspended", identity.agency)
            if entry.status is Status.REMOVED:
                raise PasserelleError("agency_unknown", f"{identity.agency} was removed")
            if identity.role not in entry.roles:
                raise PasserelleError("role_not_allowed", f"{identity.agency} is no {identity.role}")
        elif identity.trust_domain != self._home or identity.role not in HOME_ROLES:
            raise PasserelleError("agency_unknown", f"{identity} has no entry of this trust domain")
        domain = identity.trust_domain
        if (domain, serial) in self._revoked or (domain, issuer) in self._revoked:
            raise PasserelleError("certificate_revoked", f"{identity} serial {serial:x}")

    def _roots_now(self) -> dict[str, bytes]:
        lending = [entry for entry in self._entries.values() if entry.status is not Status.REMOVED]
        roots = {
            entry.trust_domain: entry.roots_pem for entry in sorted(lending, key=lambda item: item.issued)
        }
        return {**roots, self._home: self._home_roots}
