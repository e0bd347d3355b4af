"""Both engines over the real policies; the OPA server is a real process on loopback."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.engine import Engine
from passerelle_hub.policy.opa import OpaAddress, OpaEngine


class OpaServer:
    """A real `opa run --server` over one bundle; can be killed and started again on the same port."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self._command = [str(binary), "run", "--server", "--log-level=error", "-b", str(folder)]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, engine: OpaEngine) -> None:
        """Start and wait until healthy, at most 20 seconds."""
        self._process = subprocess.Popen([*self._command, f"--addr=127.0.0.1:{self.port}"])
        for _ in range(200):
            if engine.healthy():
                return
            time.sleep(0.1)
        raise AssertionError("opa did not become healthy")

    def kill(self) -> None:
        """End the process at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture(scope="session")
def opa(
    bundle: Bundle, opa_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[OpaServer, OpaEngine]]:
    folder = bundle.write_opa(tmp_path_factory.mktemp("opa") / "bundle")
    server = OpaServer(opa_binary, folder)
    engine = OpaEngine(OpaAddress(port=server.port, timeout=20.0), bundle.revision)
    server.start(engine)
    yield server, engine
    engine.close()
    server.kill()


@pytest.fixture(params=["embedded", pytest.param("opa", marks=pytest.mark.journey)])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    if request.param == "embedded":
        chosen: Engine = request.getfixturevalue("embedded")
        return chosen
    served: tuple[OpaServer, OpaEngine] = request.getfixturevalue("opa")
    return served[1]
