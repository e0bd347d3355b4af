"""Key manifests: which keys an agency signs and is sealed to with, as the agency itself says.

Rules
-----
1. A manifest is signed by the agency's manifest key, which it names too. That key is registered with the
   agency's registry entry and changes only by a new entry, so neither hub nor certificate authority can swap
   keys.
2. Manifests of an agency form a chain: `sequence` counts from 1 and `previous` is the SHA-256 of the manifest
   before. A successor must be the very next one. Two successors of one manifest, both signed, are proof of an
   incident.
3. A manifest expires. Afterwards none of its keys is found, until the agency issues the next one.
4. Each key has a time of validity of its own. Sealing keys overlap: the newest valid one is current; the
   private halves of older ones are kept as long as what was sealed to them.
5. The encoding is JSON with sorted keys, without spaces, ids in hexadecimal and keys in base64. Bytes that
   are not in that one encoding are refused. Bytes are verified before they are parsed, but for
   `read_manifest`, whose input is covered by the registry's signature.

All times are microseconds since the Unix epoch, UTC; validity runs from (inclusive) to (exclusive).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, cast

from passerelle import whole_json
from passerelle.codec.signed import decode_signed
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, check_agency, check_trust_domain
from passerelle.record import DIGEST_BYTES, GENESIS
from passerelle.seal import SealingPublicKey
from passerelle.sign import Signed, SigningKey, VerifyingKey, sign, verify

MANIFEST_TYPE: Final = "application/vnd.passerelle.key-manifest.v1+json"
MAX_MANIFEST_BYTES: Final = 128 * 1024
_Key = TypeVar("_Key", VerifyingKey, SealingPublicKey)


@dataclass(frozen=True, slots=True)
class KeyEntry(Generic[_Key]):
    """One key and when it may be used."""

    key: _Key
    valid_from: int
    valid_until: int

    def covers(self, at: int) -> bool:
        """Whether the key may be used at a time."""
        return self.valid_from <= at < self.valid_until


SigningEntry = KeyEntry[VerifyingKey]
SealingEntry = KeyEntry[SealingPublicKey]


@dataclass(frozen=True, slots=True)
class KeyManifest:
    """The keys of one agency. `previous` is 32 bytes, zero for the first manifest.

    Raises:
        PasserelleError: `manifest_malformed`, `identity_malformed`.
    """

    agency: str
    trust_domain: str
    sequence: int
    issued: int
    expires: int
    manifest_key: VerifyingKey
    signing_keys: tuple[SigningEntry, ...]
    sealing_keys: tuple[SealingEntry, ...]
    previous: bytes = GENESIS

    def __post_init__(self) -> None:
        check_agency(self.agency)
        check_trust_domain(self.trust_domain)
        entries: tuple[SigningEntry | SealingEntry, ...] = (*self.signing_keys, *self.sealing_keys)
        if self.sequence < 1 or not 0 <= self.issued < self.expires:
            raise PasserelleError("manifest_malformed", "sequence or times")
        if len(self.previous) != DIGEST_BYTES or (self.sequence == 1) != (self.previous == GENESIS):
            raise PasserelleError("manifest_malformed", "previous digest")
        if any(not 0 <= entry.valid_from < entry.valid_until for entry in entries):
            raise PasserelleError("manifest_malformed", "validity of a key")
        ids = [self.manifest_key.key_id, *(entry.key.key_id for entry in entries)]
        if len(set(ids)) != len(ids):
            raise PasserelleError("manifest_malformed", "a key stands twice")

    def signing_key(self, key_id: bytes, at: int) -> VerifyingKey:
        """The signing key with an id, if it is valid at a time.

        Raises:
            PasserelleError: `manifest_expired`, `manifest_key_unknown`, `manifest_key_not_valid`.
        """
        self.check_current(at)
        return _find(self.signing_keys, key_id, at)

    def sealing_key(self, key_id: bytes, at: int) -> SealingPublicKey:
        """The sealing key with an id, if it is valid at a time.

        Raises:
            PasserelleError: `manifest_expired`, `manifest_key_unknown`, `manifest_key_not_valid`.
        """
        self.check_current(at)
        return _find(self.sealing_keys, key_id, at)

    def current_sealing_key(self, at: int) -> SealingPublicKey:
        """The newest sealing key that is valid at a time (rule 4).

        Raises:
            PasserelleError: `manifest_expired`, `manifest_key_not_valid`.
        """
        self.check_current(at)
        valid = [entry for entry in self.sealing_keys if entry.covers(at)]
        if not valid:
            raise PasserelleError("manifest_key_not_valid", f"no sealing key of {self.agency}")
        return max(valid, key=lambda entry: (entry.valid_from, entry.key.key_id)).key

    def check_current(self, at: int) -> None:
        """Check that the manifest has not expired (rule 3).

        Raises:
            PasserelleError: `manifest_expired`.
        """
        if at >= self.expires:
            raise PasserelleError("manifest_expired", f"{self.agency}, sequence {self.sequence}")

    @property
    def digest(self) -> bytes:
        """SHA-256 of the encoding: what the next manifest names as `previous`."""
        return hashlib.sha256(self.to_bytes()).digest()

    def to_bytes(self) -> bytes:
        """The one encoding (rule 5)."""
        fields = {
            "agency": self.agency,
            "expires": self.expires,
            "issued": self.issued,
            "manifest_key": _key_out(self.manifest_key),
            "previous": self.previous.hex(),
            "sealing_keys": _entries_out(self.sealing_keys),
            "sequence": self.sequence,
            "signing_keys": _entries_out(self.signing_keys),
            "trust_domain": self.trust_domain,
        }
        return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode("ascii")

    @classmethod
    def from_bytes(cls, raw: bytes) -> KeyManifest:
        """Read an encoding whose signature was verified before.

        Raises:
            PasserelleError: `manifest_malformed`, `identity_malformed`, `key_malformed`.
        """
        if len(raw) > MAX_MANIFEST_BYTES:
            raise PasserelleError("manifest_malformed", f"{len(raw)} bytes")
        try:
            fields = cast("dict[str, Any]", whole_json.loads(raw))
            manifest = cls(
                agency=_text(fields["agency"]),
                trust_domain=_text(fields["trust_domain"]),
                sequence=_number(fields["sequence"]),
                issued=_number(fields["issued"]),
                expires=_number(fields["expires"]),
                manifest_key=_key_in(VerifyingKey, fields["manifest_key"]),
                signing_keys=_entries_in(VerifyingKey, fields["signing_keys"]),
                sealing_keys=_entries_in(SealingPublicKey, fields["sealing_keys"]),
                previous=bytes.fromhex(_text(fields["previous"])),
            )
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise PasserelleError("manifest_malformed", type(error).__name__) from error
        if manifest.to_bytes() != raw:
            raise PasserelleError("manifest_malformed", "not in its one encoding")
        return manifest


def issue(key: SigningKey, manifest: KeyManifest) -> Signed:
    """Sign a manifest with the manifest key it names.

    Raises:
        PasserelleError: `manifest_wrong_key`.
    """
    if manifest.manifest_key != key.public:
        raise PasserelleError("manifest_wrong_key", "manifest names another manifest key")
    return sign(key, MANIFEST_TYPE, manifest.to_bytes())


def issue_first(
    key: SigningKey, identity: Identity, signing: SigningEntry, sealing: tuple[SealingEntry, ...] = ()
) -> Signed:
    """Sign an agency's first manifest: issued when its signing key becomes valid, expiring with it.

    Raises:
        PasserelleError: `manifest_malformed`.
    """
    manifest = KeyManifest(
        agency=identity.agency,
        trust_domain=identity.trust_domain,
        sequence=1,
        issued=signing.valid_from,
        expires=signing.valid_until,
        manifest_key=key.public,
        signing_keys=(signing,),
        sealing_keys=sealing,
    )
    return issue(key, manifest)


def verify_manifest(signed: Signed, pinned: VerifyingKey) -> KeyManifest:
    """The manifest inside, once it is shown to be signed by, and to name, the pinned manifest key (rule 1).

    Raises:
        PasserelleError: `manifest_wrong_key`, `manifest_malformed`, `identity_malformed`, `key_malformed`,
            and the other codes of `passerelle.sign.verify`.
    """
    if signed.signature.key_id != pinned.key_id:
        raise PasserelleError("manifest_wrong_key", "signed with another key")
    manifest = KeyManifest.from_bytes(verify(signed, pinned, MANIFEST_TYPE))
    if manifest.manifest_key != pinned:
        raise PasserelleError("manifest_wrong_key", "manifest names another manifest key")
    return manifest


def verify_successor(signed: Signed, known: KeyManifest) -> KeyManifest:
    """The manifest that follows a known one (rule 2).

    Raises:
        PasserelleError: `manifest_wrong_agency`, `manifest_replayed`, `manifest_gap`,
            `manifest_chain_broken`, and what `verify_manifest` raises.
    """
    manifest = verify_manifest(signed, known.manifest_key)
    if (manifest.agency, manifest.trust_domain) != (known.agency, known.trust_domain):
        raise PasserelleError("manifest_wrong_agency", f"{known.agency} expected")
    if manifest.sequence <= known.sequence:
        raise PasserelleError("manifest_replayed", f"{manifest.sequence} after {known.sequence}")
    if manifest.sequence > known.sequence + 1:
        raise PasserelleError("manifest_gap", f"{manifest.sequence} after {known.sequence}")
    if manifest.previous != known.digest:
        raise PasserelleError("manifest_chain_broken", f"at {manifest.sequence}")
    return manifest


def read_manifest(raw: bytes, agency: str) -> KeyManifest:
    """The manifest inside a verified registry entry, which thereby pins the manifest key it names.

    `raw` are the bytes of the signed manifest, as `passerelle.codec.signed.encode_signed` writes them.

    Raises:
        PasserelleError: `message_malformed`, `manifest_wrong_agency`, and what `verify_manifest` raises.
    """
    signed = decode_signed(raw)
    manifest = verify_manifest(signed, KeyManifest.from_bytes(signed.payload).manifest_key)
    if manifest.agency != agency:
        raise PasserelleError("manifest_wrong_agency", f"{agency} expected")
    return manifest


def _find(entries: Sequence[KeyEntry[_Key]], key_id: bytes, at: int) -> _Key:
    for entry in entries:
        if entry.key.key_id == key_id:
            if not entry.covers(at):
                raise PasserelleError("manifest_key_not_valid", key_id.hex()[:16])
            return entry.key
    raise PasserelleError("manifest_key_unknown", key_id.hex()[:16])


def _key_out(key: VerifyingKey | SealingPublicKey) -> dict[str, str]:
    return {"id": key.key_id.hex(), "public": base64.b64encode(key.raw).decode("ascii")}


def _key_in(kind: type[_Key], fields: Any) -> _Key:
    return kind(base64.b64decode(_text(fields["public"]), validate=True))


def _entries_out(entries: Sequence[KeyEntry[_Key]]) -> list[Mapping[str, str | int]]:
    return [
        {**_key_out(entry.key), "valid_from": entry.valid_from, "valid_until": entry.valid_until}
        for entry in entries
    ]


def _entries_in(kind: type[_Key], rows: Any) -> tuple[KeyEntry[_Key], ...]:
    return tuple(
        KeyEntry(_key_in(kind, row), _number(row["valid_from"]), _number(row["valid_until"])) for row in rows
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("text expected")
    return value


def _number(value: Any) -> int:
    if type(value) is not int:
        raise TypeError("whole number expected")
    return value
