"""An OPA server on another machine: TLS with a pinned CA and, where it asks, a client certificate."""

from __future__ import annotations

import datetime
import json
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from passerelle.errors import PasserelleError
from passerelle_hub.policy.opa import OpaAddress, OpaEngine

pytestmark = pytest.mark.journey


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for this machine that vouches for itself, and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / f"{name}.pem", folder / f"{name}.key"
    chain.write_bytes(made.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return chain, secret


class Answering(BaseHTTPRequestHandler):
    """Says of everything what a server of revision `r` would."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        result = dict.fromkeys(asked["input"]["requests"], "answered")
        body = json.dumps({"result": result, "provenance": {"bundles": {"b": {"revision": "r"}}}}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def listening(own: tuple[Path, Path], clients: Path | None = None) -> Generator[int]:
    """Such a server over TLS; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*own)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # a refused client is no fault here
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def asked(address: OpaAddress, count: int = 1) -> int | str:
    """How many of `count` questions were answered in two calls over kept connections, or the code."""
    engine = OpaEngine(address, "r")
    questions: dict[str, dict[str, object]] = {str(at): {} for at in range(count)}
    try:
        first, second = engine.evaluate("admin", questions), engine.evaluate("admin", questions)
        assert first == second == dict.fromkeys(questions, "answered")
        return len(second)
    except PasserelleError as error:
        return error.code
    finally:
        engine.close()


def test_a_pinned_authority_is_believed_and_no_other(tmp_path: Path) -> None:
    own, other = certificate(tmp_path, "opa"), certificate(tmp_path, "other")
    with listening(own) as port:
        assert asked(OpaAddress(port=port, ca=own[0]), count=300) == 300
        assert asked(OpaAddress(port=port, ca=other[0])) == "policy_engine_down"
        assert (
            asked(OpaAddress(host="localhost", port=port, ca=own[0])) == "policy_engine_down"
        )  # another name
        assert asked(OpaAddress(port=port)) == "policy_engine_down"  # plain HTTP


def test_a_client_certificate_is_shown_where_there_is_one(tmp_path: Path) -> None:
    own, hub = certificate(tmp_path, "opa"), certificate(tmp_path, "hub")
    with listening(own, clients=hub[0]) as port:
        assert asked(OpaAddress(port=port, ca=own[0], certificate=hub[0], key=hub[1])) == 1
        assert asked(OpaAddress(port=port, ca=own[0])) == "policy_engine_down"
