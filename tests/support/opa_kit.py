"""A real OPA server, as an operator runs it: it takes a bundle only if its signature holds.

The bundle is built and signed by `opa build`, with a key id; the server is configured to fetch the archive
from a file and to verify it. It listens on loopback alone, or on a Unix socket that nobody else may use.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.opa import OpaEngine

KEY_ID = "operators-1"
TUNED = {"GOGC": "400"}
"""How docs/operate/policies.md runs it: it collects garbage less often than its default."""
BOTH = ["embedded", pytest.param("opa", marks=pytest.mark.journey)]
"""Parameters of a test that runs on each engine."""


class Signer:
    """A signing key in a folder."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self._binary = binary
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        self._key = folder / "key.pem"
        self._key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self.public = public.decode()

    def build(self, bundle: Bundle, archive: Path, *, signed: bool = True) -> Path:
        """The bundle as an archive."""
        source = bundle.write_opa(archive.with_suffix(".source"))
        command = [str(self._binary), "build", "-b", str(source), "-o", str(archive)]
        if signed:
            claims = self._folder / "claims.json"
            claims.write_text(json.dumps({"keyid": KEY_ID}), "utf-8")
            command += [
                "--signing-alg",
                "ES256",
                "--signing-key",
                str(self._key),
                "--claims-file",
                str(claims),
            ]
        # `opa build` writes the revision of the manifest only where it is told it once more.
        subprocess.run([*command, "--revision", bundle.revision], check=True, capture_output=True)
        return archive


class OpaServer:
    """`opa run --server` over a signed archive; can be killed, stopped and started again on the same port."""

    def __init__(
        self, binary: Path, folder: Path, archive: Path, public: str, *, path: Path | None = None
    ) -> None:
        """Listens on a free port of loopback, or on the Unix socket `path`."""
        self._path = path
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        config = {
            "bundles": {"passerelle": {"resource": archive.resolve().as_uri(), "signing": {"keyid": KEY_ID}}},
            "keys": {KEY_ID: {"algorithm": "ES256", "key": public}},
        }
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "opa.json"
        file.write_text(json.dumps(config), "utf-8")
        self._command = [str(binary), "run", "--server", "--log-level=error", f"--config-file={file}"]
        listens = f"127.0.0.1:{self.port}" if path is None else f"unix://{path}"
        self._command += [f"--addr={listens}", "--unix-socket-perm=700", "--optimize-store-for-read-speed"]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start, and return as soon as the port is taken."""
        self._process = subprocess.Popen(
            self._command,
            env={**os.environ, **TUNED},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(1200):
            family, place = (
                (socket.AF_INET, ("127.0.0.1", self.port))
                if self._path is None
                else (socket.AF_UNIX, str(self._path))
            )
            with socket.socket(family) as probe:
                if probe.connect_ex(place) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("opa did not listen within a minute")

    def serve(self, engine: OpaEngine) -> None:
        """Start, and wait until the bundle is active, at most a minute."""
        self.start()
        for _ in range(1200):
            if engine.healthy():
                return
            time.sleep(0.05)
        raise AssertionError("opa did not activate the bundle")

    def kill(self) -> None:
        """End the process at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Halt the process where it stands: it holds its port and answers nothing."""
        halt(self.pid)

    def go_on(self) -> None:
        """Let it run again."""
        os.kill(self.pid, signal.SIGCONT)


def halt(child: int) -> None:
    """Stop a child process; returns once it stands still, which on a busy machine is not at once."""
    os.kill(child, signal.SIGSTOP)
    os.waitid(os.P_PID, child, os.WSTOPPED)


@dataclass
class OpaBench:
    """What a test needs to serve bundles with OPA."""

    binary: Path
    folder: Path
    signer: Signer
    served: int = 0

    def server(self, bundle: Bundle, *, path: Path | None = None) -> OpaServer:
        """A server over a signed bundle, not started yet; on the Unix socket `path` where there is one."""
        self.served += 1
        folder = self.folder / str(self.served)
        folder.mkdir()
        archive = self.signer.build(bundle, folder / "bundle.tar.gz")
        return OpaServer(self.binary, folder, archive, self.signer.public, path=path)
