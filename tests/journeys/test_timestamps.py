"""A hub process whose checkpoints an authority stamps over HTTP, and its export, verified without it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from tsa_kit import LocalAuthority, local_authority

from passerelle.clock import SystemClock
from passerelle.errors import PasserelleError
from passerelle_demo.cli import POLICIES
from passerelle_demo.processes import Processes
from passerelle_demo.scenario import synthetic
from passerelle_demo.staging import build
from passerelle_hub.logbook.timestamps import post_to

pytestmark = [pytest.mark.journey]


@contextmanager
def listening(authority: LocalAuthority) -> Iterator[str]:
    """The authority behind an address of the loopback interface."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/fails":
                self.send_error(500)
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(authority.answer(request) if self.path != "/empty" else b"")

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def passerelle(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "passerelle", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_hub_has_its_checkpoints_stamped(tmp_path: Path) -> None:
    authority = local_authority(tmp_path / "tsa")
    stage = build(tmp_path / "stage", synthetic(20, seed=3), POLICIES, SystemClock())
    home = stage.hub.parent
    with listening(authority) as address:
        for path in ("/empty", "/fails"):
            with pytest.raises(PasserelleError) as caught:
                post_to(f"{address}{path}", 5.0)(b"request")
            assert caught.value.code == "timestamp_unavailable"
        (home / "tsa-roots.pem").write_bytes(authority.roots)
        config = f'{stage.hub.read_text()}\n[timestamps]\nauthority = "{address}/"\nseconds = 1\n'
        stage.hub.write_text(config)
        with Processes(stage.folder) as processes:
            processes.start("hub", ["hub", "run", "--config", str(stage.hub)])
            processes.wait_for("hub", stage.hub_port)
            end = time.monotonic() + 60
            while "the newest is" not in (said := _doctor(home)):
                assert time.monotonic() < end, said
                time.sleep(0.5)
        passerelle(home, "hub", "export-log", "out", "--config", "hub.toml")
        found = passerelle(
            home,
            *("audit", "verify", "--offline", "out", "--quorum", "0"),
            *("--timestamp-roots", "tsa-roots.pem"),
        )
    assert "1 timestamps" in found


def _doctor(home: Path) -> str:
    command = [sys.executable, "-m", "passerelle", "doctor", "--role", "hub"]
    said = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=300, check=False).stdout
    return next((line for line in said.splitlines() if "timestamps:" in line), said)
