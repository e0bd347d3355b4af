"""Who cosigned a checkpoint, and whether there are enough of them.

An agency counts once, whatever its roles, under the keys that its manifest names. Lines of other names and of
keys that nobody names any more are passed over, as the format demands; a line that claims a known key and
does not hold condemns the checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.note import Note, verify_cosignature
from passerelle.sign import VerifyingKey

WITNESSES: Final = (Role.CONNECTOR, Role.SUPERVISOR, Role.WITNESS)
Signers = Mapping[str, tuple[VerifyingKey, ...]]
"""Signing keys by the identity (text) of whose they are."""


def cosigners(note: Note, signers: Signers) -> frozenset[str]:
    """The agencies whose cosignatures of a note hold.

    Raises:
        PasserelleError: `note_signature_invalid`.
    """
    return frozenset(
        Identity.parse(name).agency
        for name, keys in signers.items()
        if any(_holds(note, name, key) for key in keys)
    )


def check_quorum(note: Note, signers: Signers, quorum: int) -> None:
    """Check that so many witnesses cosigned a note.

    Raises:
        PasserelleError: `witnesses_missing`, `note_signature_invalid`.
    """
    found = len(cosigners(note, signers))
    if found < quorum:
        raise PasserelleError("witnesses_missing", f"{found} cosignatures of enrolled witnesses of {quorum}")


def _holds(note: Note, name: str, key: VerifyingKey) -> bool:
    try:
        verify_cosignature(note, name, key)
    except PasserelleError as error:
        if error.code != "note_unsigned":
            raise
        return False
    return True
