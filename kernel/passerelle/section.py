"""What names one sealed section, for the key derivation, the ciphertext and every wrap of its key."""

from __future__ import annotations

from dataclasses import dataclass

from passerelle.canonical import encode


@dataclass(frozen=True, slots=True)
class SectionLabel:
    """One section of one revision of a record of one agency; `record_id` is 16 bytes.

    Whatever is sealed or wrapped under a label opens under an equal one only.
    """

    agency: str
    record_id: bytes
    revision: int
    name: str

    def encoded(self) -> bytes:
        """The label's one encoding."""
        return encode(self.agency, self.record_id, self.revision, self.name)
