"""The hub's registry of agencies: signed entries from pki, verified before they are believed.

The table is the truth; the registry keeps verified entries in memory and reads the table again at each
tick, so that several hub processes agree within one tick. The federation inside is what the listener asks
for every message: whose roots, and who may take part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from passerelle.clock import Clock
from passerelle.codec.signed import decode_signed, encode_signed
from passerelle.errors import PasserelleError
from passerelle.federation import Federation
from passerelle.log import get_logger
from passerelle.manifest import KeyManifest, read_manifest
from passerelle.registry_entry import RegistryEntry, verify_entry
from passerelle.seal import SealingPublicKey
from passerelle.sign import Signed, VerifyingKey
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.logbook import vouch
from passerelle_hub.logbook.manifests import log_manifest
from passerelle_hub.standing import LocalStanding
from passerelle_hub.store import Transaction, agencies, turns

ACTOR = "operator"
_LOG: Final = get_logger("registry")


@dataclass(frozen=True, slots=True)
class Member:
    """An agency as the hub knows it: verified entry, its key manifest if it has one, exact signed bytes."""

    entry: RegistryEntry
    manifest: KeyManifest | None
    signed: Signed


class Registry:
    """Verified entries by agency. Values are replaced as a whole, so any thread may read."""

    def __init__(
        self,
        pki: VerifyingKey,
        federation: Federation,
        local: LocalStanding,
        audit: Audit,
        clock: Clock,
    ) -> None:
        self.federation = federation
        self.local = local
        self.refused: Final[set[Signed]] = set()
        """Entries of the folder that were refused once, and are not tried again."""
        self._pki = pki
        self._audit = audit
        self._clock = clock
        self._members: Mapping[str, Member] = {}

    def add(self, tx: Transaction, signed: Signed) -> RegistryEntry:
        """Verify and store an entry; an older one never replaces a newer.

        Raises:
            PasserelleError: whatever makes the entry, or the manifest inside, unbelievable.
        """
        member = self._verified(signed)
        entry = member.entry
        known = self._members.get(entry.agency)
        if known and known.entry == entry:
            return entry
        if known and entry.revision <= known.entry.revision:
            raise PasserelleError("registry_entry_invalid", f"{entry.agency}: revision {entry.revision}")
        turns.take(tx)
        raw, now = encode_signed(signed), self._clock.now()
        vouched = vouch.agency(entry.agency, raw, entry.revision, now)
        self._audit.append(
            tx, EventKind.AGENCY_ADDED, ACTOR, vouch=vouched, agency=entry.agency, revision=entry.revision
        )
        if not agencies.put_entry(tx, entry.agency, raw, entry.revision, now):
            raise PasserelleError("registry_entry_invalid", f"{entry.agency}: revision {entry.revision}")
        if member.manifest is not None:
            log_manifest(tx, self._audit, ACTOR, member.manifest, entry.manifest)
        self.federation.accept(entry)  # last: what the table did not take must not stand in memory
        self._members = {**self._members, entry.agency: member}
        return entry

    def refresh(self, tx: Transaction) -> None:
        """Read the table again; only entries not verified before cost anything.

        An entry that does not hold is logged and changes nothing, neither for its agency nor for others.
        """
        known = {encode_signed(member.signed): member for member in self._members.values()}
        members = dict(self._members)
        for raw in agencies.entries(tx):
            try:
                member = known.get(raw) or self._verified(decode_signed(raw))
                self.federation.accept(member.entry)
            except PasserelleError as error:
                _LOG.error("entry.refused", code=error.code, detail=error.detail)
                continue
            members[member.entry.agency] = member
        self._members = members
        self.local.refresh(tx)

    def entry(self, agency: str) -> RegistryEntry:
        """One agency's entry.

        Raises:
            PasserelleError: `agency_unknown`.
        """
        return self._member(agency).entry

    def manifest(self, agency: str) -> KeyManifest:
        """One agency's key manifest.

        Raises:
            PasserelleError: `agency_unknown`, also where the party signs nothing.
        """
        manifest = self._member(agency).manifest
        if manifest is None:
            raise PasserelleError("agency_unknown", "no key manifest")
        return manifest

    def sealing_key(self, agency: str) -> SealingPublicKey:
        """The key to seal to whoever takes part now: of a suspended agency, nobody knows who holds its keys.

        Raises:
            PasserelleError: `agency_suspended`, `agency_unknown`, or there is no key that is valid now.
        """
        self.federation.check_party(agency)
        return self.manifest(agency).current_sealing_key(self._clock.now())

    def signed_entry(self, agency: str) -> Signed | None:
        """One entry as signed, None where there is none."""
        member = self._members.get(agency)
        return member.signed if member else None

    def signed_entries(self) -> tuple[Signed, ...]:
        """All entries as signed, by name of the agency."""
        return tuple(self._members[name].signed for name in sorted(self._members))

    def members(self) -> tuple[RegistryEntry, ...]:
        """All entries, by name of the agency."""
        return tuple(self._members[name].entry for name in sorted(self._members))

    def _member(self, agency: str) -> Member:
        try:
            return self._members[agency]
        except KeyError:
            raise PasserelleError("agency_unknown", "no registry entry") from None

    def _verified(self, signed: Signed) -> Member:
        entry = verify_entry(signed, self._pki)
        manifest = read_manifest(entry.manifest, entry.agency) if entry.manifest else None
        return Member(entry, manifest, signed)
