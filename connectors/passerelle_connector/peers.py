"""The others as the connector knows them: registry entries, and the key manifests inside.

Every entry is verified against the registry's key, which was pinned at enrolment; the hub hands entries on
and can neither make nor change one. Entries only ever replace older revisions of themselves. Reads touch
memory only; safe to share between threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final

from passerelle.audit.witnessed import WITNESSES, Signers
from passerelle.checkpoint import Checkpoint, verify_checkpoint
from passerelle.errors import PasserelleError
from passerelle.federation import Federation
from passerelle.identity import Identity, Role
from passerelle.log import get_logger
from passerelle.manifest import KeyManifest, read_manifest
from passerelle.note import Note
from passerelle.registry_entry import Status, verify_entry
from passerelle.seal import SealingPublicKey
from passerelle.sign import Signed, VerifyingKey, verify

_LOG: Final = get_logger("peers")


class Peers:
    """Identities, roots and keys of the other parties."""

    def __init__(self, federation: Federation, registry_key: VerifyingKey, hub: str) -> None:
        """`hub` is the agency whose entry is the hub's."""
        self._federation = federation
        self._registry_key = registry_key
        self._hub = hub
        self._pins: Mapping[str, bytes] = {}

    def accept(self, entries: Iterable[Signed]) -> int:
        """Take newer entries; one that does not verify is logged and left out. Returns how many verified."""
        taken = 0
        for signed in entries:
            try:
                entry = verify_entry(signed, self._registry_key)
                self._federation.accept(entry)
                taken += 1
            except PasserelleError as error:
                _LOG.warning("entry.refused", code=error.code, detail=error.detail)
        return taken

    @property
    def trust(self) -> Federation:
        """The roots of each trust domain, for whoever verifies under them."""
        return self._federation

    @property
    def hub(self) -> Identity:
        """The hub.

        Raises:
            PasserelleError: `agency_unknown`, `registry_entry_invalid`.
        """
        return self.identity(self._hub, Role.HUB)

    def identity(self, agency: str, role: Role) -> Identity:
        """A party in one of its roles.

        Raises:
            PasserelleError: `agency_unknown`, `registry_entry_invalid`.
        """
        return self._federation.entry(agency).identity(role)

    def roots(self, identity: Identity) -> bytes:
        """The trust roots (PEM) of a party.

        Raises:
            PasserelleError: `trust_domain_unknown`.
        """
        return self._federation.roots(identity.trust_domain)

    def verify_hub(self, signed: Signed, payload_type: str, at: int) -> bytes:
        """The payload, once a key of the hub's manifest is shown to have signed it.

        Raises:
            PasserelleError: `agency_unknown`, or what manifest and signature raise.
        """
        return self.verify_of(self._hub, signed, payload_type, at)

    def verify_of(self, agency: str, signed: Signed, payload_type: str, at: int) -> bytes:
        """The payload, once a key of an agency's manifest is shown to have signed it.

        Raises:
            PasserelleError: `agency_unknown`, or what manifest and signature raise.
        """
        key = self.manifest(agency).signing_key(signed.signature.key_id, at)
        return verify(signed, key, payload_type)

    def hub_checkpoint(self, note: Note, at: int) -> Checkpoint:
        """The checkpoint inside a note, once a key of the hub's manifest is shown to have signed it.

        Raises:
            PasserelleError: `agency_unknown`, `note_unsigned`, `note_signature_invalid`, `message_malformed`.
        """
        origin = str(self.hub)
        refusal = PasserelleError("note_unsigned", "no valid signing key of the hub")
        for entry in self.manifest(self._hub).signing_keys:
            if entry.covers(at):
                try:
                    return verify_checkpoint(note, origin, entry.key)
                except PasserelleError as error:
                    refusal = error
        raise refusal

    def witnesses(self) -> Signers:
        """Signing keys of whoever may witness a log, by identity."""
        return {
            str(entry.identity(role)): tuple(one.key for one in self.manifest(entry.agency).signing_keys)
            for entry in self._federation.entries
            for role in WITNESSES
            if role in entry.roles and entry.manifest
        }

    def sealing_key(self, agency: str, at: int) -> SealingPublicKey:
        """The current sealing key of an active agency.

        Raises:
            PasserelleError: `recipient_unknown`.
        """
        try:
            if self._federation.entry(agency).status is not Status.ACTIVE:
                raise PasserelleError("recipient_unknown", f"{agency}: not active")
            return self.manifest(agency).current_sealing_key(at)
        except PasserelleError as error:
            raise PasserelleError("recipient_unknown", f"{agency}: {error.code}") from error

    def manifest(self, agency: str) -> KeyManifest:
        """The key manifest of an agency, whatever its status: the pinned one where there is one (`pins`).

        Raises:
            PasserelleError: `agency_unknown`, or what `passerelle.manifest.read_manifest` raises.
        """
        announced = self._federation.entry(agency).manifest
        pinned = self._pins.get(agency) if announced and agency != self._hub else None
        return _read(pinned or announced, agency)

    def pin(self, agency: str, manifest: bytes) -> None:
        """Use this manifest of an agency (signed bytes, verified before) until another is pinned."""
        self._pins = {**self._pins, agency: manifest}

    def pinned(self, agency: str) -> KeyManifest | None:
        """The pinned manifest of an agency, if there is one."""
        raw = self._pins.get(agency)
        return None if raw is None else _read(raw, agency)

    def announced(self) -> Iterator[tuple[str, bytes, KeyManifest]]:
        """Agency, signed bytes and manifest of every entry that names one; what does not hold is left out."""
        for entry in self._federation.entries:
            if entry.manifest:
                try:
                    yield entry.agency, entry.manifest, _read(entry.manifest, entry.agency)
                except PasserelleError as error:
                    _LOG.warning("manifest.refused", code=error.code, detail=error.detail)


@lru_cache(maxsize=256)
def _read(raw: bytes, agency: str) -> KeyManifest:
    return read_manifest(raw, agency)
