"""The production engine: an OPA server, through the narrow part of its Python client that keeps promises.

Used: `query_rule` (synchronous), `check_health`. Not used, each for a reason: policy upload (it rewrites a
rejected policy and uploads that), bulk queries (they paste JSON into query text), the asynchronous client
(it cannot pin a CA), retries (a POST that failed is a denial, not a second try).

The server gets its bundle by its own signed download; this adapter only asks, over Unix socket, loopback or
TLS with a pinned CA (`line`, which holds one deadline over the whole call). Every answer must come with the
provenance of the revision it was built for, so that a server on another bundle is an engine that is down.
Undefined is an answer without `result`. A large batch is cut into parts, one for each connection: the server
evaluates one call on one core.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import requests
from opa_client.opa import OpaClient

from passerelle.errors import PasserelleError
from passerelle_hub.policy.engine import ENGINE_DOWN, ENTRY_POINT, EVALUATION_FAILED, ROOT
from passerelle_hub.policy.jsonvalue import as_object
from passerelle_hub.policy.line import Connect, Line, by_socket, by_tcp, by_tls
from passerelle_hub.policy.model import PolicyInput
from passerelle_hub.policy.parts import parts

_PARAMS: Final = {"provenance": True, "strict-builtin-errors": True}
_SOCKET: Final = "unix://"


@dataclass(frozen=True, slots=True)
class OpaAddress:
    """Where the server is: a Unix `socket`, or `host` and `port`.

    A client `certificate` comes with its `key`. `timeout` is for one call as a whole, in seconds;
    `connections` how many parts of a large batch are asked side by side.
    """

    host: str = "127.0.0.1"
    port: int = 8181
    socket: Path | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    timeout: float = 2.0
    connections: int = 2

    @classmethod
    def parse(cls, text: str, *, connections: int) -> OpaAddress:
        """`unix:///path` or `host:port`, as a configuration gives it.

        Raises:
            PasserelleError: `config_invalid`, it is neither.
        """
        if text.startswith(_SOCKET):
            path = Path(text.removeprefix(_SOCKET))
            if not path.is_absolute():
                raise PasserelleError("config_invalid", "the path of OPA's socket must be absolute")
            return cls(socket=path, connections=connections)
        host, _, port = text.rpartition(":")
        if not host or not port.isdecimal():
            raise PasserelleError("config_invalid", "OPA's address is host:port or unix:///path")
        return cls(host=host.strip("[]"), port=int(port), connections=connections)


class OpaEngine:
    """An `Engine` over one OPA server that serves one bundle revision.

    Args:
        revision: `Bundle.revision` of the bundle the server must be serving.

    Raises:
        PasserelleError: `config_invalid`, plain HTTP beyond this machine, or half a certificate.
    """

    def __init__(self, address: OpaAddress, revision: str) -> None:
        _check(address)
        self._address = address
        self._revision = revision
        self._local = threading.local()
        self._lock = threading.Lock()
        self._clients: list[OpaClient] = []
        self._pool = ThreadPoolExecutor(max_workers=address.connections, thread_name_prefix="opa")

    def evaluate(self, package: str, asked: Mapping[str, PolicyInput], /) -> Mapping[str, object]:
        """See `Engine.evaluate`."""
        cut = parts(asked, self._address.connections)
        if len(cut) == 1:
            return self._ask(package, asked)
        due = time.monotonic() + self._address.timeout  # waiting for a connection counts as well
        running = [self._pool.submit(self._ask, package, part) for part in cut]
        merged: dict[str, object] = {}
        try:
            for one in running:
                merged.update(one.result(max(due - time.monotonic(), 0.0)))
        except TimeoutError as error:
            raise PasserelleError(ENGINE_DOWN, "Timeout") from error
        finally:
            for one in running:
                one.cancel()
        return merged

    def _ask(self, package: str, asked: Mapping[str, PolicyInput]) -> Mapping[str, object]:
        try:
            answer = self._client().query_rule(
                {"requests": asked}, f"{ROOT}.{package}", ENTRY_POINT, query_params=_PARAMS
            )
        except requests.HTTPError as error:
            status = 0 if error.response is None else error.response.status_code
            code = EVALUATION_FAILED if status in (400, 500) else ENGINE_DOWN
            raise PasserelleError(code, f"the server answered {status}") from error
        except (requests.RequestException, ValueError) as error:
            raise PasserelleError(ENGINE_DOWN, type(error).__name__) from error
        return self._read(answer)

    def healthy(self) -> bool:
        """Whether the server answers and has activated its bundles (for readiness, never for a decision)."""
        return self._client().check_health(query={"bundles": True})

    def close(self) -> None:
        """Close the connections of all threads."""
        self._pool.shutdown(wait=True)
        with self._lock:
            for client in self._clients:
                client.close_connection()
            self._clients.clear()
            self._local = threading.local()

    def _read(self, answer: object) -> Mapping[str, object]:
        body = as_object(answer) or {}
        result = as_object(body.get("result"))
        provenance = as_object(body.get("provenance")) or {}
        bundles = as_object(provenance.get("bundles")) or {}
        if result is None:
            raise PasserelleError(ENGINE_DOWN, "undefined")
        if {(as_object(entry) or {}).get("revision") for entry in bundles.values()} != {self._revision}:
            raise PasserelleError(ENGINE_DOWN, "the server serves another revision")
        return result

    def _client(self) -> OpaClient:
        client: OpaClient | None = getattr(self._local, "client", None)
        if client is None:
            client = _connect(self._address)
            self._local.client = client
            with self._lock:
                self._clients.append(client)
        return client


def _connect(address: OpaAddress) -> OpaClient:
    client = OpaClient(
        host=f"[{address.host}]" if ":" in address.host else address.host,
        port=address.port,
        ssl=str(address.ca) if address.ca else False,
        retries=0,
        timeout=address.timeout,
    )
    session = client._session  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - it has no public setting
    # A proxy or a netrc of the environment must not come between the hub and its policy.
    session.trust_env = False
    session.headers["Accept-Encoding"] = "identity"
    line = Line(_way(address), address.timeout)
    for scheme in ("http://", "https://"):
        session.mount(scheme, line)
    return client


def _way(address: OpaAddress) -> Connect:
    if address.socket is not None:
        return by_socket(str(address.socket))
    if address.ca is None:
        return by_tcp(address.host, address.port)
    context = ssl.create_default_context(cafile=str(address.ca))
    if address.certificate is not None:
        context.load_cert_chain(address.certificate, address.key)
    return by_tls(address.host, address.port, context)


def _check(address: OpaAddress) -> None:
    if (address.certificate is None) != (address.key is None):
        raise PasserelleError("config_invalid", "an OPA client certificate needs its key")
    if address.socket is None and address.ca is None and not is_loopback(address.host):
        raise PasserelleError("config_invalid", "OPA beyond loopback needs TLS with a pinned CA")
    if address.socket is not None and address.ca is not None:
        raise PasserelleError("config_invalid", "OPA on a Unix socket takes no TLS")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine's loopback interface."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
