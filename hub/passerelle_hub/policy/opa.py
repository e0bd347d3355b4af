"""The production engine: an OPA server, through the narrow part of its Python client that keeps promises.

Used: `query_rule` (synchronous), `check_health`. Not used, each for a reason: policy upload (it rewrites a
rejected policy and uploads that), bulk queries (they paste JSON into query text), the asynchronous client
(it cannot pin a CA), retries (a POST that failed is a denial, not a second try).

The server gets its bundle by its own signed download; this adapter only asks. Every answer must come with
the provenance of the revision it was built for, so that a server on another bundle is an engine that is
down. Undefined is an answer without `result`. Plain HTTP is accepted on loopback alone.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import requests
from opa_client.opa import OpaClient

from passerelle.errors import PasserelleError
from passerelle_hub.policy.engine import ENGINE_DOWN, ENTRY_POINT, EVALUATION_FAILED, ROOT
from passerelle_hub.policy.jsonvalue import as_object
from passerelle_hub.policy.model import PolicyInput

_PARAMS: Final = {"provenance": True, "strict-builtin-errors": True}


@dataclass(frozen=True, slots=True)
class OpaAddress:
    """Where the server is; `timeout` in seconds. A client `certificate` comes with its `key`."""

    host: str = "127.0.0.1"
    port: int = 8181
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    timeout: float = 2.0


class OpaEngine:
    """An `Engine` over one OPA server that serves one bundle revision.

    Args:
        revision: `Bundle.revision` of the bundle the server must be serving.

    Raises:
        PasserelleError: `config_invalid`, plain HTTP beyond loopback, or half a certificate.
    """

    def __init__(self, address: OpaAddress, revision: str) -> None:
        _check(address)
        self._address = address
        self._revision = revision
        self._local = threading.local()
        self._lock = threading.Lock()
        self._clients: list[OpaClient] = []

    def evaluate(self, package: str, asked: Mapping[str, PolicyInput], /) -> Mapping[str, object]:
        """See `Engine.evaluate`."""
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
    certificate = (
        (str(address.certificate), str(address.key)) if address.certificate and address.key else None
    )
    client = OpaClient(
        host=address.host,
        port=address.port,
        ssl=str(address.ca) if address.ca else False,
        cert=certificate,
        retries=0,
        timeout=address.timeout,
    )
    # A proxy or a netrc of the environment must not come between the hub and its policy. The client has no
    # public setting for it, hence both exceptions below.
    client._session.trust_env = False  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    return client


def _check(address: OpaAddress) -> None:
    if (address.certificate is None) != (address.key is None):
        raise PasserelleError("config_invalid", "an OPA client certificate needs its key")
    if address.ca is None and not is_loopback(address.host):
        raise PasserelleError("config_invalid", "OPA beyond loopback needs TLS with a pinned CA")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine's loopback interface."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
