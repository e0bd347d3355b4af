"""Key and chain for TLS, read anew whenever a connection is made, so that renewal needs no restart.

A renewal replaces two files and cannot do so in one step. Readers therefore check that key and leaf belong
together (`TlsBytes`); a listener that meets a half-replaced pair keeps the previous one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives import serialization

from passerelle.certificate import read_chain
from passerelle.csr import ENCRYPTED, key_pem, load_key
from passerelle.errors import PasserelleError
from passerelle.privatefile import read_private


@dataclass(frozen=True, slots=True)
class TlsBytes:
    """A matching pair: PEM key (PKCS#8) and PEM chain, leaf first, without the root.

    Raises:
        PasserelleError: `tls_material_invalid`, `certificate_malformed`.
    """

    key: bytes = field(repr=False)
    chain: bytes

    def __post_init__(self) -> None:
        try:
            key = serialization.load_pem_private_key(self.key, None)
        except (ValueError, TypeError) as error:
            raise PasserelleError("tls_material_invalid", "unreadable key") from error
        if key.public_key() != read_chain(self.chain)[0].public_key():
            raise PasserelleError("tls_material_invalid", "key and leaf do not match")


class TlsMaterial(Protocol):
    """Where a side's current key and chain come from."""

    def read(self) -> TlsBytes:
        """The current pair.

        Raises:
            PasserelleError: `tls_material_invalid`, `certificate_malformed`, what reading a key file raises.
        """
        ...


@dataclass(frozen=True, slots=True)
class FileMaterial:
    """Key (mode 0600, encrypted or not) and chain in two files."""

    key: Path
    chain: Path

    def read(self) -> TlsBytes:
        """The current pair of the files; see `TlsMaterial.read`."""
        try:
            chain = self.chain.read_bytes()
        except OSError as error:
            raise PasserelleError("tls_material_invalid", f"chain: {type(error).__name__}") from error
        pem = read_private(self.key)
        return TlsBytes(key_pem(load_key(pem)) if ENCRYPTED in pem else pem, chain)


@dataclass(frozen=True, slots=True)
class MemoryMaterial:
    """A pair made in this process."""

    pair: TlsBytes

    def read(self) -> TlsBytes:
        """The pair."""
        return self.pair
