"""Certificate requests: made by the role that will hold the key, read by its authority.

The private key never leaves the machine that made it. A request (PKCS#10, RFC 2986) names the identity and
the use it wants; the authority issues exactly these or nothing, and takes only the public key from the
request.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from passerelle.certificate import Usage
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.passphrase import passphrase
from passerelle.privatefile import read_private, write_private

ENCRYPTED: Final = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"


@dataclass(frozen=True, slots=True)
class Request:
    """A checked request: its signature proves that the requester holds the private key."""

    identity: Identity
    usage: Usage
    public_key: ec.EllipticCurvePublicKey


def new_key() -> ec.EllipticCurvePrivateKey:
    """A fresh key for one leaf (P-256)."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The private key as unencrypted PKCS#8 PEM; whoever stores it does so with mode 0600."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def stored_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The private key as PKCS#8 PEM for a file, encrypted where there is a passphrase.

    Raises:
        PasserelleError: what reading the passphrase raises.
    """
    phrase = passphrase()
    if not phrase:
        return key_pem(key)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(phrase.encode("utf-8")),
    )


def load_key(pem: bytes, phrase: str = "") -> ec.EllipticCurvePrivateKey:
    """The key in the PEM of `key_pem` or `stored_pem`, which opens with `phrase` or else with this process's.

    Raises:
        PasserelleError: `key_file_malformed`, `passphrase_missing`, `passphrase_wrong`.
    """
    phrase = (phrase or passphrase()) if ENCRYPTED in pem else ""
    if ENCRYPTED in pem and not phrase:
        raise PasserelleError("passphrase_missing", "encrypted PEM key")
    try:
        key = serialization.load_pem_private_key(pem, phrase.encode("utf-8") or None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        code = "passphrase_wrong" if phrase else "key_file_malformed"
        raise PasserelleError(code, "no PEM key that can be read") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise PasserelleError("key_file_malformed", "no elliptic curve key")
    return key


def obtain_key(file: Path) -> ec.EllipticCurvePrivateKey:
    """The key in a private file, which is made where missing.

    Raises:
        PasserelleError: `key_file_malformed`, what reading a private file raises.
        OSError: the folder is missing, full or read-only.
    """
    if not file.exists():
        write_private(file, stored_pem(new_key()))
    return load_key(read_private(file))


def make_request(key: ec.EllipticCurvePrivateKey, identity: Identity, usage: Usage) -> bytes:
    """A request (PEM) for one leaf."""
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(x509.SubjectAlternativeName(leaf_names(identity, usage)), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage.oid]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )


def read_request(pem: bytes) -> Request:
    """Check a request (PEM): signature, key type, and exactly one identity and use.

    Raises:
        PasserelleError: `request_invalid`, `identity_malformed`.
    """
    try:
        request = x509.load_pem_x509_csr(pem)
        key = request.public_key()
        valid = request.is_signature_valid
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        oids = tuple(request.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    except (ValueError, UnsupportedAlgorithm, x509.ExtensionNotFound, x509.DuplicateExtension) as error:
        raise PasserelleError("request_invalid", "unreadable, or without names or usage") from error
    if not valid:
        raise PasserelleError("request_invalid", "signature does not verify")
    if not (isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)):
        raise PasserelleError("request_invalid", "key is not ECDSA P-256")
    usage = next((usage for usage in Usage if oids == (usage.oid,)), None)
    if usage is None or len(uris) != 1:
        raise PasserelleError("request_invalid", "not exactly one identity and one usage")
    identity = Identity.parse(uris[0])
    if list(names) != leaf_names(identity, usage):
        raise PasserelleError("request_invalid", "other names than those of the profile")
    return Request(identity, usage, key)


def leaf_names(identity: Identity, usage: Usage) -> list[x509.GeneralName]:
    """The subject alternative names of a leaf: the URI, and for a server its derived DNS name."""
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(str(identity))]
    if usage is Usage.SERVER:
        names.append(x509.DNSName(identity.server_name))
    return names
