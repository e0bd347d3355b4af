"""A time-stamping authority on this machine, made and run by OpenSSL (`openssl ts`)."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = authority
[root]
basicConstraints = critical,CA:true
[stamp]
extendedKeyUsage = critical,timeStamping
[other]
extendedKeyUsage = critical,serverAuth
[tsa]
default_tsa = it
[it]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
ess_cert_id_alg = sha256
"""


@dataclass(frozen=True, slots=True)
class LocalAuthority:
    """Its folder; `roots` in PEM."""

    folder: Path

    @property
    def roots(self) -> bytes:
        return (self.folder / "root.pem").read_bytes()

    def answer(self, request: bytes) -> bytes:
        """What it answers to a request."""
        (self.folder / "q.tsq").write_bytes(request)
        _openssl(
            self.folder,
            *("ts", "-reply", "-queryfile", "q.tsq", "-signer", "stamp.pem", "-inkey", "stamp.key"),
            *("-config", "it.cnf", "-out", "a.tsr"),
        )
        return (self.folder / "a.tsr").read_bytes()


def local_authority(folder: Path) -> LocalAuthority:
    """Make one; a listed skip where OpenSSL's command is not installed."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder.mkdir()
    (folder / "it.cnf").write_text(_CONFIG.format(folder=folder))
    (folder / "serial").write_text("01")
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "it.cnf")
    _openssl(
        folder,
        *("req", "-x509", *new, "-keyout", "root.key", "-out", "root.pem", "-days", "30"),
        *("-extensions", "root", "-subj", "/CN=root"),
    )
    _openssl(folder, "req", *new, "-keyout", "stamp.key", "-out", "stamp.csr")
    _openssl(
        folder,
        *("x509", "-req", "-in", "stamp.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial"),
        *("-extfile", "it.cnf", "-extensions", "stamp", "-days", "30", "-out", "stamp.pem"),
    )
    return LocalAuthority(folder)


def _openssl(folder: Path, *arguments: str) -> None:
    command = [shutil.which("openssl") or "openssl", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
