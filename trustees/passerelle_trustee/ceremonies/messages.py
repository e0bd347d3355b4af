"""The messages of a ceremony: signed JSON, each bound to the agreement, its sender and its step.

`commit` and `reveal` are a dealer's, for all. `deal` is for one receiver, its sub-shares sealed to it.
`dispute` names a dealer whose sub-shares do not fit; `shown` is that dealer's answer, the disputed sub-shares
in the open. What ends a ceremony is a confirmation, see `passerelle.agreed_keys`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from passerelle.errors import PasserelleError
from passerelle.oprf.ceremony import Reveal
from passerelle.oprf.documents import array, hexadecimal, members, number, parse, text

MESSAGE_TYPE: Final = "application/vnd.passerelle.ceremony-message.v1+json"
MAX_BYTES: Final = 256 * 1024
_FIELDS: Final = ("agreement", "body", "sender", "step", "to")

COMMIT: Final = "commit"
REVEAL: Final = "reveal"
DEAL: Final = "deal"
DISPUTE: Final = "dispute"
SHOWN: Final = "shown"
STEPS: Final = (COMMIT, REVEAL, DEAL, DISPUTE, SHOWN)


@dataclass(frozen=True, slots=True)
class Message:
    """One step of one sender. `to` is the agency it is for, empty where it is for all."""

    agreement: bytes
    sender: str
    step: str
    to: str
    body: Mapping[str, object]

    @property
    def name(self) -> str:
        """What a sender says once: the step and whom it is for."""
        return f"{self.step}-{self.to}" if self.to else self.step

    def encode(self) -> bytes:
        """The bytes to sign."""
        fields = {
            "agreement": self.agreement.hex(),
            "body": self.body,
            "sender": self.sender,
            "step": self.step,
            "to": self.to,
        }
        return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, payload: bytes) -> Message:
        """Read verified bytes.

        Raises:
            PasserelleError: `ceremony_message_invalid`.
        """
        if len(payload) > MAX_BYTES:
            raise PasserelleError("ceremony_message_invalid", f"{len(payload)} bytes")
        try:
            found = members(parse(payload.decode()), _FIELDS)
            body = found["body"]
            if not isinstance(body, dict) or text(found["step"]) not in STEPS:
                raise ValueError("body or step")
            return cls(
                hexadecimal(found["agreement"]),
                text(found["sender"]),
                text(found["step"]),
                text(found["to"]),
                {str(name): value for name, value in body.items()},  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - JSON
            )
        except ValueError as error:
            raise PasserelleError("ceremony_message_invalid", type(error).__name__) from error


def reveal_body(reveal: Reveal, seen: Mapping[str, bytes]) -> dict[str, object]:
    """A reveal, and the commitments its sender saw, by dealer's agency."""
    return {
        "commitments": [part.hex() for part in reveal.commitments],
        "dealer": reveal.dealer,
        "proofs": [part.hex() for part in reveal.proofs],
        "salt": reveal.salt.hex(),
        "seen": {agency: commitment.hex() for agency, commitment in sorted(seen.items())},
    }


def read_reveal(message: Message) -> tuple[Reveal, dict[str, bytes]]:
    """The reveal in a message, and the commitments its sender saw; not yet checked.

    Raises:
        PasserelleError: `ceremony_message_invalid`.
    """
    try:
        found = members(message.body, ("commitments", "dealer", "proofs", "salt", "seen"))
        seen = found["seen"]
        if not isinstance(seen, dict):
            raise ValueError("seen")  # noqa: TRY004 - one kind of error for malformed documents
        reveal = Reveal(
            number(found["dealer"]),
            tuple(hexadecimal(part) for part in array(found["commitments"])),
            tuple(hexadecimal(part) for part in array(found["proofs"])),
            hexadecimal(found["salt"]),
        )
        views = {str(agency): hexadecimal(part) for agency, part in seen.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - JSON
    except ValueError as error:
        raise PasserelleError("ceremony_message_invalid", f"a reveal of {message.sender}") from error
    return reveal, views


def read_bytes(message: Message, field: str) -> bytes:
    """A field of a body that holds base64.

    Raises:
        PasserelleError: `ceremony_message_invalid`.
    """
    try:
        return base64.b64decode(text(message.body.get(field)), validate=True)
    except (ValueError, binascii.Error) as error:
        raise PasserelleError("ceremony_message_invalid", f"a {message.step} of {message.sender}") from error


def bytes_body(field: str, content: bytes, **more: str) -> dict[str, object]:
    """A body with bytes as base64."""
    return {field: base64.b64encode(content).decode(), **more}
