"""Group keys that all their trustees signed: what a distributed ceremony ends with and connectors pin.

Rules
-----
1. Each trustee that holds a share confirms, under a signing key of its manifest, the exact document of keys,
   the ceremony, and a digest of everything the dealers revealed in it.
2. A connector believes the keys once every trustee that it is configured with, by index and agency, has
   confirmed the same. One missing or differing confirmation refuses the whole document.
3. The document is JSON with base64; the keys inside stand as the text that was signed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from passerelle.codec.signed import decode_signed, encode_signed
from passerelle.errors import PasserelleError
from passerelle.oprf.documents import array, hexadecimal, members, number, parse, text
from passerelle.oprf.pinned import Ceremony, GroupKeys
from passerelle.sign import Signed

CONFIRMATION_TYPE: Final = "application/vnd.passerelle.ceremony-confirmation.v1+json"
_FORMAT: Final = "passerelle/agreed-group-keys/1"

Verify = Callable[[str, Signed, str], bytes]
"""The payload of what an agency signed as a type, or raises."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What one trustee signs: `ceremony` 16 bytes, `keys` and `transcript` digests of 32."""

    trustee: str
    index: int
    ceremony: bytes
    keys: bytes
    transcript: bytes

    def encode(self) -> bytes:
        """The bytes to sign."""
        fields = {
            "ceremony": self.ceremony.hex(),
            "index": self.index,
            "keys": self.keys.hex(),
            "transcript": self.transcript.hex(),
            "trustee": self.trustee,
        }
        return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, payload: bytes) -> Confirmation:
        """Read verified bytes.

        Raises:
            PasserelleError: `group_key_invalid`.
        """
        try:
            found = members(parse(payload.decode()), ("ceremony", "index", "keys", "transcript", "trustee"))
            return cls(
                trustee=text(found["trustee"]),
                index=number(found["index"]),
                ceremony=hexadecimal(found["ceremony"]),
                keys=hexadecimal(found["keys"]),
                transcript=hexadecimal(found["transcript"]),
            )
        except ValueError as error:
            raise PasserelleError("group_key_invalid", f"a confirmation: {error}") from error


def keys_digest(keys: GroupKeys) -> bytes:
    """What a confirmation says of the keys: SHA-256 over their document."""
    return hashlib.sha256(keys.to_json().encode()).digest()


@dataclass(frozen=True, slots=True)
class AgreedKeys:
    """Keys with their trustees' confirmations, not yet verified."""

    keys: GroupKeys
    confirmations: tuple[Signed, ...]

    def to_json(self) -> str:
        """The document that travels."""
        confirmations = [base64.b64encode(encode_signed(one)).decode() for one in self.confirmations]
        document = {"format": _FORMAT, "keys": self.keys.to_json(), "confirmations": confirmations}
        return json.dumps(document, sort_keys=True, indent=1) + "\n"

    @classmethod
    def from_json(cls, document: str) -> AgreedKeys:
        """Read a document.

        Raises:
            PasserelleError: `group_key_invalid`, `message_malformed`.
        """
        try:
            found = members(parse(document), ("format", "keys", "confirmations"), _FORMAT)
            raw = [base64.b64decode(text(item), validate=True) for item in array(found["confirmations"])]
            keys = GroupKeys.from_json(text(found["keys"]))
        except (ValueError, binascii.Error) as error:
            raise PasserelleError("group_key_invalid", f"not agreed keys: {type(error).__name__}") from error
        if keys.ceremony is not Ceremony.DISTRIBUTED or keys.to_json() != found["keys"]:
            raise PasserelleError("group_key_invalid", "keys of another ceremony, or not in their encoding")
        return cls(keys, tuple(map(decode_signed, raw)))

    def verified(self, trustees: Mapping[int, str], verify: Verify) -> GroupKeys:
        """The keys, once all trustees (agency by index) confirmed them (rule 2).

        Raises:
            PasserelleError: `group_keys_unconfirmed`, or what `verify` raises.
        """
        said = {
            one.index: one for one in (self._read(signed, trustees, verify) for signed in self.confirmations)
        }
        expected = {index for key in self.keys.keys for index in range(1, key.trustees + 1)}
        if said.keys() != expected or len(said) != len(self.confirmations):
            raise PasserelleError("group_keys_unconfirmed", f"{len(said)} of {len(expected)} trustees")
        if len({(one.ceremony, one.keys, one.transcript) for one in said.values()}) != 1:
            raise PasserelleError("group_keys_unconfirmed", "trustees confirm different things")
        if next(iter(said.values())).keys != keys_digest(self.keys):
            raise PasserelleError("group_keys_unconfirmed", "other keys than those of the document")
        return self.keys

    def _read(self, signed: Signed, trustees: Mapping[int, str], verify: Verify) -> Confirmation:
        claimed = Confirmation.decode(signed.payload)
        if trustees.get(claimed.index) != claimed.trustee:
            raise PasserelleError("group_keys_unconfirmed", f"trustee {claimed.index} is another party")
        return Confirmation.decode(verify(claimed.trustee, signed, CONFIRMATION_TYPE))


def is_agreed(document: str) -> bool:
    """Whether a text claims to be such a document, and none of development keys."""
    try:
        found = parse(document)
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("format") == _FORMAT  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - JSON


def newest(documents: tuple[GroupKeys, ...]) -> GroupKeys:
    """Several documents as one: of each key the newest generation.

    Raises:
        PasserelleError: `group_key_invalid`: kinds of ceremony mixed, or one generation twice.
    """
    kinds = {document.ceremony for document in documents}
    if len(kinds) != 1:
        raise PasserelleError("group_key_invalid", "documents of different kinds of ceremony")
    found = {key for document in documents for key in document.keys}
    best = {(key.domain, key.group, key.epoch): key for key in sorted(found, key=lambda key: key.generation)}
    return GroupKeys(kinds.pop(), tuple(best.values()))
