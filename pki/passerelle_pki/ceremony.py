"""The ceremony: the root and the issuing authority of one trust domain, from a short reviewed description.

Protocol
(1) read the description and refuse a folder that holds anything; (2) make the root's key and certificate;
(3) make the issuing authority's, signed by the root; (4) check that the one verifies under the other; (5)
write everything into a folder beside the target and flush it; (6) rename that folder to the target.

A crash before (6) leaves no authority and, at most, a folder `<name>.part` to delete by hand; after (6)
all of it is there. The folder has mode 0700 and every key 0600. `offline/` holds the root's key: move it
to a medium that is kept locked away; nothing but the next ceremony needs it.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from passerelle.clock import DAY, Clock
from passerelle.csr import key_pem
from passerelle.errors import PasserelleError
from passerelle.identity import check_trust_domain
from passerelle.keyfile import write_private
from passerelle_pki.authority import DOMAIN_FILE, Authority, open_authority
from passerelle_pki.issuer import ISSUING_FILE, ISSUING_KEY_FILE, ROOT_FILE
from passerelle_pki.profile import (
    ISSUING_LIFETIME,
    ROOT_LIFETIME,
    issuing_certificate,
    new_authority_key,
    root_certificate,
)

OFFLINE_FOLDER: Final = "offline"
ROOT_KEY_FILE: Final = "root-key.pem"


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What a ceremony makes. Lifetimes are whole days, at most those of the profile.

    Raises:
        PasserelleError: `ceremony_invalid`, `identity_malformed`.
    """

    trust_domain: str
    root_days: int = ROOT_LIFETIME // DAY
    issuing_days: int = ISSUING_LIFETIME // DAY

    def __post_init__(self) -> None:
        check_trust_domain(self.trust_domain)
        if not 0 < self.issuing_days <= ISSUING_LIFETIME // DAY:
            raise PasserelleError("ceremony_invalid", "issuing_days")
        if not self.issuing_days <= self.root_days <= ROOT_LIFETIME // DAY:
            raise PasserelleError("ceremony_invalid", "root_days")


def read_ceremony(file: Path) -> Ceremony:
    """The description in a TOML file: `trust_domain`, and optionally `root_days` and `issuing_days`.

    Raises:
        PasserelleError: `ceremony_invalid`, `identity_malformed`.
    """
    try:
        fields = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise PasserelleError("ceremony_invalid", f"{file.name}: {type(error).__name__}") from error
    kinds = {"trust_domain": str, "root_days": int, "issuing_days": int}
    wrong = sorted(name for name, value in fields.items() if type(value) is not kinds.get(name))
    if wrong or "trust_domain" not in fields:
        raise PasserelleError("ceremony_invalid", f"{file.name}: {', '.join(wrong) or 'trust_domain'}")
    return Ceremony(**fields)


def create_authority(folder: Path, trust_domain: str, clock: Clock) -> Authority:
    """A new authority by profile, in a folder that is absent or empty; see `hold`."""
    return hold(Ceremony(trust_domain), folder, clock)


def hold(ceremony: Ceremony, folder: Path, clock: Clock) -> Authority:
    """Hold a ceremony.

    Raises:
        PasserelleError: `authority_exists`.
    """
    part = folder.with_name(f"{folder.name}.part")
    if part.exists() or (folder.exists() and any(folder.iterdir())):  # (1)
        raise PasserelleError("authority_exists", folder.name)
    now, domain = clock.now(), ceremony.trust_domain
    root_key, issuing_key = new_authority_key(), new_authority_key()
    root = root_certificate(root_key, domain, now, ceremony.root_days * DAY)  # (2)
    issuing = issuing_certificate(
        issuing_key.public_key(), root, root_key, domain, now, ceremony.issuing_days * DAY
    )  # (3)
    _check(issuing, root)  # (4)
    (part / OFFLINE_FOLDER).mkdir(parents=True, mode=0o700)  # (5)
    part.chmod(0o700)
    write_private(part / OFFLINE_FOLDER / ROOT_KEY_FILE, key_pem(root_key))
    write_private(part / ISSUING_KEY_FILE, key_pem(issuing_key))
    _write(part / ROOT_FILE, root.public_bytes(serialization.Encoding.PEM))
    _write(part / ISSUING_FILE, issuing.public_bytes(serialization.Encoding.PEM))
    _write(part / DOMAIN_FILE, f"{domain}\n".encode("ascii"))
    _flush(part)
    part.rename(folder)  # (6)
    _flush(folder.absolute().parent)
    return open_authority(folder, clock)


def _check(issuing: x509.Certificate, root: x509.Certificate) -> None:
    try:
        issuing.verify_directly_issued_by(root)
    except (InvalidSignature, ValueError, TypeError) as error:
        raise PasserelleError("ceremony_invalid", "the issuing authority does not verify") from error


def _write(file: Path, content: bytes) -> None:
    with file.open("xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
