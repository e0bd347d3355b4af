"""The ceremony: the root and the issuing authority of one trust domain, from a reviewed description.

Protocol
(1) read the description (`passerelle_pki.description`) and refuse a folder that holds anything; (2) make the
root's key and certificate; (3) make the issuing authority's key, in a file or inside the token, and its
certificate, signed by the root; (4) check that the one verifies under the other; (5) write everything into a
folder beside the target, with the description as it was reviewed, and flush it; (6) rename that folder to the
target. Where another authority issues, (2) to (4) are its roots, read and checked to be authorities.

A crash before (6) leaves no authority and, at most, a folder `<name>.part` to delete by hand, and a key in
the token that nothing names; after (6) all of it is there. The folder has mode 0700 and every key 0600.
`offline/` holds the root's key: move it to a medium that is kept locked away; nothing but the next ceremony
(a roll-over) needs it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from passerelle.certificate import read_chain
from passerelle.clock import DAY, Clock
from passerelle.csr import stored_pem
from passerelle.errors import PasserelleError
from passerelle.keyfile import write_private
from passerelle.privatefile import make_folder, sync_folder
from passerelle.token import TokenKey
from passerelle_pki.authority import DOMAIN_FILE, Authority, open_authority
from passerelle_pki.description import Backend, Ceremony, read_ceremony
from passerelle_pki.issuer import ISSUER_FILE, ISSUING_FILE, ISSUING_KEY_FILE, ROOT_FILE
from passerelle_pki.profile import issuing_certificate, new_authority_key, root_certificate
from passerelle_pki.token import make_token_key

__all__ = ["OFFLINE_FOLDER", "ROOT_KEY_FILE", "Ceremony", "create_authority", "hold", "read_ceremony"]

OFFLINE_FOLDER: Final = "offline"
ROOT_KEY_FILE: Final = "root-key.pem"
RECORD_FILE: Final = "ceremony.yaml"


def create_authority(folder: Path, trust_domain: str, clock: Clock) -> Authority:
    """A new authority by profile, in a folder that is absent or empty, for tests and trials; see `hold`."""
    return hold(Ceremony(trust_domain, "one process", "nobody: for trials"), folder, clock)


def hold(ceremony: Ceremony, folder: Path, clock: Clock, record: bytes = b"") -> Authority:
    """Hold a ceremony; `record` is the description as it was reviewed, kept beside what it made.

    Raises:
        PasserelleError: `authority_exists`, `ceremony_invalid`, `token_unavailable`, `token_key_exists`.
    """
    part = folder.with_name(f"{folder.name}.part")
    if part.exists() or (folder.exists() and any(folder.iterdir())):  # (1)
        raise PasserelleError("authority_exists", folder.name)
    make_folder(part)
    part.chmod(0o700)
    try:
        if ceremony.external_roots is None:
            _found(ceremony, part, clock.now())
        else:
            _adopt(ceremony.external_roots, part)
    except PasserelleError:
        shutil.rmtree(part)  # nothing of it was handed out
        raise
    write_public(part / DOMAIN_FILE, f"{ceremony.trust_domain}\n".encode("ascii"))
    if record:
        write_public(part / RECORD_FILE, record)
    sync_folder(part)
    part.rename(folder)  # (6)
    sync_folder(folder.absolute().parent)
    return open_authority(folder, clock)


def _found(ceremony: Ceremony, part: Path, now: int) -> None:
    domain, root_key = ceremony.trust_domain, new_authority_key()
    root = root_certificate(root_key, domain, now, ceremony.root_days * DAY)  # (2)
    key = make_token_key(ceremony.token) if ceremony.token else new_authority_key()  # (3)
    lifetime = ceremony.issuing_days * DAY
    issuing = issuing_certificate(key.public_key(), root, root_key, domain, now, lifetime)
    check_issued(issuing, root)  # (4)
    (part / OFFLINE_FOLDER).mkdir(mode=0o700)  # (5)
    write_private(part / OFFLINE_FOLDER / ROOT_KEY_FILE, stored_pem(root_key))
    write_public(part / ROOT_FILE, root.public_bytes(serialization.Encoding.PEM))
    write_issuing(part, issuing, key, ceremony.token)


def write_issuing(
    folder: Path, issuing: x509.Certificate, key: ec.EllipticCurvePrivateKey, token: TokenKey | None
) -> None:
    """Lay down an issuing authority: certificate, and key or where the key is."""
    if token is None:
        write_private(folder / ISSUING_KEY_FILE, stored_pem(key))
    else:
        write_public(folder / ISSUER_FILE, _token_file(token))
    write_public(folder / ISSUING_FILE, issuing.public_bytes(serialization.Encoding.PEM))


def _adopt(file: Path, part: Path) -> None:
    """Another authority's roots."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise PasserelleError("ceremony_invalid", f"{file.name}: {type(error).__name__}") from error
    for root in read_chain(raw):
        try:
            authority = root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        except (x509.ExtensionNotFound, ValueError):
            authority = False
        if not authority:
            raise PasserelleError("ceremony_invalid", f"{file.name}: no authority")
    write_public(part / ROOT_FILE, raw)
    write_public(part / ISSUER_FILE, f'backend = "{Backend.EXTERNAL}"\n'.encode("ascii"))


def _token_file(token: TokenKey) -> bytes:
    lines = [f'backend = "{Backend.PKCS11}"', "[pkcs11]"]
    values = {"module": token.module, "token": token.token, "label": token.label, "pin_file": token.pin_file}
    lines += [f"{name} = {_quoted(str(value))}" for name, value in values.items() if value is not None]
    return ("\n".join(lines) + "\n").encode("utf-8")


def _quoted(text: str) -> str:
    if '"' in text or "\\" in text or not text.isprintable():
        raise PasserelleError("ceremony_invalid", "pkcs11: quotation marks or control characters")
    return f'"{text}"'


def check_issued(issuing: x509.Certificate, root: x509.Certificate) -> None:
    """Check that the root issued the issuing authority.

    Raises:
        PasserelleError: `ceremony_invalid`.
    """
    try:
        issuing.verify_directly_issued_by(root)
    except (InvalidSignature, ValueError, TypeError) as error:
        raise PasserelleError("ceremony_invalid", "the issuing authority does not verify") from error


def write_public(file: Path, content: bytes) -> None:
    """Write a new file and flush it."""
    with file.open("xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
