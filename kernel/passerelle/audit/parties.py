"""Whose keys an export is verified with: registry entries under the registry's key, manifests as logged.

The registry's key is the one thing that the verifier brings along. A manifest counts from the moment the log
holds it; the one in force at a time is the last logged before. So a key that a later manifest leaves out is
refused from its logged time on, and what it signed before stays what it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from passerelle.codec.signed import decode_signed
from passerelle.errors import PasserelleError
from passerelle.identity import Role
from passerelle.manifest import KeyManifest, read_manifest
from passerelle.registry_entry import RegistryEntry, verify_entry
from passerelle.sign import Signed, VerifyingKey, verify


@dataclass(frozen=True, slots=True)
class LoggedManifest:
    """A manifest and when the log first held it (microseconds UTC)."""

    manifest: KeyManifest
    logged: int


class Parties:
    """Entries and key histories. Filled once, then read."""

    def __init__(self, registry_key: VerifyingKey) -> None:
        self._registry_key = registry_key
        self._entries: dict[str, RegistryEntry] = {}
        self._histories: defaultdict[str, list[LoggedManifest]] = defaultdict(list)

    def add_entry(self, raw: bytes) -> RegistryEntry:
        """Take a registry entry.

        Raises:
            PasserelleError: what makes it unbelievable.
        """
        entry = verify_entry(decode_signed(raw), self._registry_key)
        self._entries[entry.agency] = entry
        return entry

    def add_manifest(self, agency: str, raw: bytes, logged: int) -> KeyManifest:
        """Take a manifest that the log held from a time on; its key is checked against nothing but itself.

        Raises:
            PasserelleError: what makes it unbelievable.
        """
        manifest = read_manifest(raw, agency)
        self._histories[agency].append(LoggedManifest(manifest, logged))
        self._histories[agency].sort(key=lambda one: (one.logged, one.manifest.sequence))
        return manifest

    def verify(self, agency: str, signed: Signed, payload_type: str, at: int) -> bytes:
        """The payload, once a key that was in force at a time is shown to have signed it.

        Raises:
            PasserelleError: `agency_unknown`, `manifest_key_unknown`, `manifest_key_not_valid`,
                `manifest_expired`, and what `passerelle.sign.verify` raises.
        """
        manifest = self.in_force(agency, at)
        return verify(signed, manifest.signing_key(signed.signature.key_id, at), payload_type)

    def in_force(self, agency: str, at: int) -> KeyManifest:
        """The manifest of an agency that was in force at a time; before the first logged one, that one.

        Raises:
            PasserelleError: `agency_unknown`.
        """
        history = self._histories.get(agency)
        if not history:
            raise PasserelleError("agency_unknown", f"{agency}: no manifest is logged")
        before = [one for one in history if one.logged <= at]
        return (before or history[:1])[-1].manifest

    def signers(self, agency: str) -> Iterator[VerifyingKey]:
        """Every signing key that an agency ever had, the newest first."""
        for one in reversed(self._histories.get(agency, [])):
            for entry in one.manifest.signing_keys:
                yield entry.key

    def names(self, role: Role) -> Iterator[tuple[str, str]]:
        """Agency and identity of everybody who may act in a role."""
        for entry in self._entries.values():
            if role in entry.roles:
                yield entry.agency, str(entry.identity(role))
