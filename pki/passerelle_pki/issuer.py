"""Issuers: who signs leaves. One interface, so that key files, hardware and external authorities look alike.

| back end | the issuing key | a leaf |
|---|---|---|
| file | a private file of the folder | at once |
| PKCS#11 | inside a token (`passerelle_pki.token`) | at once |
| external | with another authority (EJBCA, Vault, an agency's own) | by hand: `passerelle_pki.external` |

An issuer only signs. Serial numbers, checks and records belong to `passerelle_pki.authority`, which does
them the same way whoever signs. `issuer.toml` in the folder names the back end; without it, a key file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NoReturn, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from passerelle.csr import Request, load_key
from passerelle.errors import PasserelleError
from passerelle.keyfile import read_private
from passerelle_pki.description import Backend, read_token
from passerelle_pki.lists import Revoked, revocation_list
from passerelle_pki.profile import leaf_certificate
from passerelle_pki.token import open_token_key

ROOT_FILE: Final = "root.pem"
ISSUING_FILE: Final = "issuing.pem"
ISSUING_KEY_FILE: Final = "issuing-key.pem"
ISSUER_FILE: Final = "issuer.toml"


class Issuer(Protocol):
    """Signs leaves of one trust domain."""

    @property
    def roots(self) -> bytes:
        """The roots (PEM) under which its leaves verify."""
        ...

    def issue(self, request: Request, serial: int, now: int) -> bytes:
        """A chain (PEM): the leaf with this serial number, then the authorities below the root.

        Raises:
            PasserelleError: `certificate_expired`, the issuer itself; `issuer_external`, `token_unavailable`.
        """
        ...


class ListIssuer(Protocol):
    """Signs the list of revoked leaves of one trust domain."""

    def revocations(self, revoked: Sequence[Revoked], now: int) -> bytes:
        """The list (PEM): the issuing authority's certificate, then the list.

        Raises:
            PasserelleError: `issuer_external`, `token_unavailable`.
        """
        ...


class KeyIssuer:
    """Signs with a key at hand, wherever it lives.

    Raises:
        PasserelleError: `authority_unreadable`, certificate and key do not belong together.
    """

    def __init__(self, roots: bytes, issuing: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        if key.public_key() != issuing.public_key():
            raise PasserelleError("authority_unreadable", "issuing certificate and key do not match")
        self._roots = roots
        self._issuing = issuing
        self._key = key

    @property
    def roots(self) -> bytes:
        """The root (PEM)."""
        return self._roots

    @property
    def certificate(self) -> x509.Certificate:
        """The issuing authority's certificate."""
        return self._issuing

    def issue(self, request: Request, serial: int, now: int) -> bytes:
        """Sign one leaf; see `Issuer.issue`."""
        leaf = leaf_certificate(request, serial, self._issuing, self._key, now)
        return b"".join(item.public_bytes(serialization.Encoding.PEM) for item in (leaf, self._issuing))

    def revocations(self, revoked: Sequence[Revoked], now: int) -> bytes:
        """Sign the list; see `ListIssuer.revocations`."""
        listed = revocation_list(revoked, self._issuing, self._key, now)
        return b"".join(item.public_bytes(serialization.Encoding.PEM) for item in (self._issuing, listed))


class FileIssuer(KeyIssuer):
    """Signs with a key file (mode 0600).

    Args:
        folder: holds `issuing.pem` and `issuing-key.pem`; the root's key is not needed.
        roots: the root (PEM); by default that of the folder.

    Raises:
        PasserelleError: `authority_unreadable`, what reading a key file raises.
    """

    def __init__(self, folder: Path, roots: bytes | None = None) -> None:
        try:
            known = (folder / ROOT_FILE).read_bytes() if roots is None else roots
            issuing = x509.load_pem_x509_certificate((folder / ISSUING_FILE).read_bytes())
            key = load_key(read_private(folder / ISSUING_KEY_FILE))
        except (OSError, ValueError) as error:
            raise PasserelleError("authority_unreadable", type(error).__name__) from error
        super().__init__(known, issuing, key)


class ExternalIssuer:
    """Another authority signs: nothing can be issued here at once."""

    def __init__(self, roots: bytes) -> None:
        self._roots = roots

    @property
    def roots(self) -> bytes:
        """The roots (PEM) of the other authority."""
        return self._roots

    def issue(self, request: Request, serial: int, now: int) -> NoReturn:
        """Refuse: requests go out by `passerelle pki export`."""
        raise PasserelleError("issuer_external", str(request.identity))

    def revocations(self, revoked: Sequence[Revoked], now: int) -> NoReturn:
        """Refuse: the other authority signs its own list, which is laid beside the entries."""
        raise PasserelleError("issuer_external", "the list")


def open_issuer(folder: Path, roots: bytes) -> KeyIssuer | ExternalIssuer:
    """The issuer of a folder, by its `issuer.toml`.

    Raises:
        PasserelleError: `authority_unreadable`, `token_unavailable`, what reading a key file raises.
    """
    try:
        fields: dict[str, Any] = {}
        if (folder / ISSUER_FILE).exists():
            fields = tomllib.loads((folder / ISSUER_FILE).read_text("utf-8"))
        backend = Backend(fields.get("backend", "file"))
        if backend is Backend.FILE:
            return FileIssuer(folder, roots)
        if backend is Backend.EXTERNAL:
            return ExternalIssuer(roots)
        issuing = x509.load_pem_x509_certificate((folder / ISSUING_FILE).read_bytes())
        token = read_token(fields.get("pkcs11", {}), folder, ISSUER_FILE)
    except (OSError, ValueError) as error:
        raise PasserelleError("authority_unreadable", type(error).__name__) from error
    return KeyIssuer(roots, issuing, open_token_key(token))
