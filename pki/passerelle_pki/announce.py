"""A party's next key manifest, published by the registry without anybody's hands.

Protocol of `take`
(1) the key id of the signature selects the entry whose manifest names that manifest key; (2) the party takes
part; (3) a manifest that the entry has already is answered as before; (4) any other must be the successor of
the entry's: signed by the same manifest key, the next number, the digest of the one before; (5) the party's
budget; (6) the entry is published again with it and nothing else changed.

Rules
-----
1. Who may announce is decided by the manifest key alone: the registry's operator fixed it in the entry, and
   another one takes a new entry by hand.
2. Nothing here is trusted for its time or its sender: a repeated announcement changes nothing, an old one is
   no successor.

One thread: the registry takes one call at a time.
"""

from __future__ import annotations

from typing import Final

from passerelle.clock import DAY, Clock
from passerelle.codec.signed import encode_signed
from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle.manifest import KeyManifest, read_manifest, verify_successor
from passerelle.registry_entry import RegistryEntry, Status
from passerelle.rpc.anonymous import Throttle
from passerelle.sign import Signed
from passerelle_pki.calls import ANNOUNCE
from passerelle_pki.registry import Party, Registry

_LOG: Final = get_logger("pki")
EACH: Final = 4
TOTAL: Final = 10_000
"""Manifests a day, of one agency and in all. A party at work announces one a month."""


class Announcements:
    """Publishes successors of manifests; without a registry of its own an authority takes none."""

    def __init__(self, registry: Registry | None, clock: Clock) -> None:
        self._registry = registry
        self._budget = Throttle(clock, EACH, TOTAL, DAY)

    def take(self, signed: Signed) -> int:
        """Publish a manifest; returns the revision of the entry that holds it.

        Raises:
            PasserelleError: `announcement_elsewhere`, `renewal_key_unknown`, `agency_suspended`,
                `quota_exceeded`, what `passerelle.manifest.verify_successor` raises.
        """
        if self._registry is None:
            raise PasserelleError("announcement_elsewhere", "no registry here")
        entry, known = self._party(self._registry, signed.signature.key_id)  # (1)
        if entry.status is not Status.ACTIVE:  # (2)
            raise PasserelleError("agency_suspended", entry.agency)
        raw = encode_signed(signed)
        if raw == entry.manifest:  # (3)
            return entry.revision
        successor = verify_successor(signed, known)  # (4)
        self._budget.take(entry.agency, ANNOUNCE.quota)  # (5)
        party = Party(entry.agency, entry.trust_domain, entry.roles, entry.name, entry.roots_pem, raw)
        self._registry.publish(party)  # (6)
        _LOG.info("manifest.announced", agency=entry.agency, sequence=successor.sequence)
        return entry.revision + 1

    def _party(self, registry: Registry, key_id: bytes) -> tuple[RegistryEntry, KeyManifest]:
        for entry in registry.entries():
            if entry.manifest:
                known = read_manifest(entry.manifest, entry.agency)
                if known.manifest_key.key_id == key_id:
                    return entry, known
        raise PasserelleError("renewal_key_unknown", key_id.hex()[:16])
