"""Both engines over the real policies; the OPA server is a real process that takes signed bundles only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from opa_kit import BOTH, OpaBench, Signer

from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.engine import Engine
from passerelle_hub.policy.opa import OpaAddress, OpaEngine


@pytest.fixture(scope="session")
def opa_bench(opa_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> OpaBench:
    folder = tmp_path_factory.mktemp("opa")
    return OpaBench(opa_binary, folder, Signer(opa_binary, folder / "keys"))


@pytest.fixture(scope="session")
def opa(bundle: Bundle, opa_bench: OpaBench) -> Iterator[OpaEngine]:
    server = opa_bench.server(bundle)
    engine = OpaEngine(OpaAddress(port=server.port, timeout=20.0), bundle.revision)
    server.serve(engine)
    yield engine
    engine.close()
    server.kill()


@pytest.fixture(scope="session")
def opa_by_socket(bundle: Bundle, opa_bench: OpaBench) -> Iterator[OpaEngine]:
    path = opa_bench.folder / "opa.sock"
    server = opa_bench.server(bundle, path=path)
    engine = OpaEngine(OpaAddress(socket=path, timeout=20.0), bundle.revision)
    server.serve(engine)
    yield engine
    engine.close()
    server.kill()


@pytest.fixture(params=[*BOTH, pytest.param("opa_by_socket", marks=pytest.mark.journey)])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn, the OPA server by loopback and by Unix socket."""
    chosen: Engine = request.getfixturevalue(str(request.param))
    return chosen
