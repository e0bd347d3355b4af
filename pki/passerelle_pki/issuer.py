"""Issuers: who signs leaves. One interface, so that key files, hardware and external authorities look alike.

An issuer only signs. Serial numbers, checks and records belong to `passerelle_pki.authority`, which does
them the same way whoever signs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from passerelle.csr import Request, load_key
from passerelle.errors import PasserelleError
from passerelle.keyfile import read_private
from passerelle_pki.profile import leaf_certificate

ROOT_FILE: Final = "root.pem"
ISSUING_FILE: Final = "issuing.pem"
ISSUING_KEY_FILE: Final = "issuing-key.pem"


class Issuer(Protocol):
    """Signs leaves of one trust domain."""

    @property
    def roots(self) -> bytes:
        """The roots (PEM) under which its leaves verify."""
        ...

    def issue(self, request: Request, serial: int, now: int) -> bytes:
        """A chain (PEM): the leaf with this serial number, then the authorities below the root.

        Raises:
            PasserelleError: `certificate_expired`, the issuer itself.
        """
        ...


class FileIssuer:
    """Signs with a key file (mode 0600).

    Args:
        folder: holds `root.pem`, `issuing.pem` and `issuing-key.pem`; the root's key is not needed.

    Raises:
        PasserelleError: `authority_unreadable`, what reading a key file raises.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._roots = (folder / ROOT_FILE).read_bytes()
            self._issuing = x509.load_pem_x509_certificate((folder / ISSUING_FILE).read_bytes())
            key = load_key(read_private(folder / ISSUING_KEY_FILE))
        except (OSError, ValueError) as error:
            raise PasserelleError("authority_unreadable", type(error).__name__) from error
        if key.public_key() != self._issuing.public_key():
            raise PasserelleError("authority_unreadable", "issuing certificate and key do not match")
        self._key = key

    @property
    def roots(self) -> bytes:
        """The root (PEM)."""
        return self._roots

    def issue(self, request: Request, serial: int, now: int) -> bytes:
        """Sign one leaf; see `Issuer.issue`."""
        leaf = leaf_certificate(request, serial, self._issuing, self._key, now)
        return b"".join(item.public_bytes(serialization.Encoding.PEM) for item in (leaf, self._issuing))
