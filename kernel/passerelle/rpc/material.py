"""Key and chain for TLS, read anew whenever a connection is made, so that renewal needs no restart.

A renewal replaces two files and cannot do so in one step. Readers therefore check that key and leaf belong
together (`TlsBytes`); a listener that meets a half-replaced pair keeps the previous one. A leaf of another
party, or for the other side of a connection, is refused where it is read: peers would only see a connection
that fails.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives import serialization

from passerelle.certificate import Usage, check_leaf, read_chain
from passerelle.csr import ENCRYPTED, key_pem, load_key
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
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
            PasserelleError: `tls_material_invalid`, `certificate_malformed`, what reading a key file and
                `check_leaf` raise.
        """
        ...


@dataclass(frozen=True, slots=True)
class FileMaterial:
    """Key (mode 0600, encrypted or not) and chain in two files; `owner` is whose leaf it must be."""

    key: Path
    chain: Path
    owner: Identity | None = None
    usage: Usage = Usage.CLIENT

    def read(self) -> TlsBytes:
        """The current pair of the files; see `TlsMaterial.read`."""
        try:
            chain = self.chain.read_bytes()
        except OSError as error:
            raise PasserelleError("tls_material_invalid", f"{self.chain.name}: {error.strerror}") from error
        pem = read_private(self.key)
        pair = TlsBytes(key_pem(load_key(pem)) if ENCRYPTED in pem else pem, chain)
        if self.owner is not None:
            shown = check_leaf(read_chain(chain)[0], self.usage)
            if shown != self.owner:
                raise PasserelleError("tls_material_invalid", f"{self.chain.name}: the leaf of {shown}")
        return pair


class Configured(Protocol):
    """The settings of a role that has a leaf."""

    @property
    def identity(self) -> str:
        """Its SPIFFE id."""
        ...

    def path(self, value: Path | str) -> Path:
        """A configured path, made absolute."""
        ...


class Pair(Protocol):
    """Where settings say that a leaf and its key lie."""

    @property
    def key(self) -> Path: ...

    @property
    def chain(self) -> Path: ...


def own_material(settings: Configured, pair: Pair, usage: Usage) -> FileMaterial:
    """The files of a role's own leaf.

    Raises:
        PasserelleError: `identity_malformed`.
    """
    owner = Identity.parse(settings.identity)
    return FileMaterial(settings.path(pair.key), settings.path(pair.chain), owner, usage)


@dataclass(frozen=True, slots=True)
class MemoryMaterial:
    """A pair made in this process."""

    pair: TlsBytes

    def read(self) -> TlsBytes:
        """The pair."""
        return self.pair
