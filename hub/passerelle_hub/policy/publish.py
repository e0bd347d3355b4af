"""The signed bundle for an OPA server beside the hub: the one way in which it gets rules.

OPA polls this listener, which is on loopback and serves one file: the archive of the active revision, as
two persons signed it. OPA verifies the second signature by itself. Until it has loaded what the table says
is active, its answers name another revision and are denials.

A file that OPA reads would not do: it reads `file://` once, and `--watch` reloads without verifying.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from passerelle.errors import PasserelleError
from passerelle_hub.policy.opa import is_loopback

PATH: Final = "/passerelle.tar.gz"


@dataclass(frozen=True, slots=True)
class _Published:
    archive: bytes
    tag: str


class BundleListener:
    """Serves the active archive on `host:port`; port 0 takes a free one. Silent until `start`.

    Raises:
        PasserelleError: `config_invalid`, an address beyond loopback.
    """

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        if not is_loopback(host) or not port.isdigit():
            raise PasserelleError("config_invalid", "bundle_listen: host:port on loopback")
        self._address = (host, int(port))
        self._current: _Published | None = None
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen.

        Raises:
            PasserelleError: `config_invalid`, the address is taken.
        """
        try:
            server = ThreadingHTTPServer(self._address, self._handler())
        except OSError as error:
            raise PasserelleError("config_invalid", f"bundle_listen: {error.strerror}") from error
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, name="bundles", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens; 0 while it does not."""
        return 0 if self._server is None else int(self._server.server_address[1])

    def publish(self, archive: bytes, digest: bytes) -> None:
        """Serve this archive from now on."""
        self._current = _Published(archive, f'"{digest.hex()}"')

    def close(self) -> None:
        """Stop listening."""
        server, self._server = self._server, None
        if server is not None and self._thread is not None:
            server.shutdown()
            server.server_close()
            self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        listener = self

        class Handler(BaseHTTPRequestHandler):
            """One request of OPA."""

            timeout = 10

            def do_GET(self) -> None:
                current = listener._current
                if self.path != PATH or current is None:
                    self.send_error(404)
                elif self.headers.get("If-None-Match") == current.tag:
                    self.send_response(304)
                    self.end_headers()
                else:
                    self.send_response(200)
                    self.send_header("Content-Type", "application/gzip")
                    self.send_header("Content-Length", str(len(current.archive)))
                    self.send_header("ETag", current.tag)
                    self.end_headers()
                    self.wfile.write(current.archive)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: a poll a second is no news."""

        return Handler
