"""Policy decisions a second of a real OPA server on this machine, nothing remembered.

The same batches of 1,000 distinct projections of `submission` as in `bench.policy`, through the same adapter;
the server takes a signed bundle, listens on a Unix socket and runs as docs/operate/policies.md says. The
adapter spreads a batch over two connections, as a hub does by default, since the server evaluates one call on
one core. Without an `opa` binary there is no figure.
"""

from __future__ import annotations

import itertools
import time
from pathlib import Path

from bench.figures import Figure, Sizes, at_least, cpu_seconds
from bench.policy import BATCH, distinct_inputs
from opa_kit import OpaBench, Signer

from passerelle.clock import SystemClock
from passerelle_demo.cli import POLICIES
from passerelle_hub.policy.bundle import load_bundle
from passerelle_hub.policy.decide import Decider
from passerelle_hub.policy.memory import Settings
from passerelle_hub.policy.opa import OpaAddress, OpaEngine
from passerelle_hub.policy.rego_tests import opa_binary

CONNECTIONS = 2


def run(sizes: Sizes, folder: Path) -> tuple[Figure, ...]:
    """Measure."""
    found = opa_binary()
    if found is None:
        return ()
    bundle, home = load_bundle(POLICIES), folder / "opa"
    home.mkdir(parents=True, exist_ok=True)
    path = home / "opa.sock"
    server = OpaBench(Path(found), home, Signer(Path(found), home / "keys")).server(bundle, path=path)
    engine = OpaEngine(OpaAddress(socket=path, timeout=20.0, connections=CONNECTIONS), bundle.revision)
    inputs = list(itertools.islice(distinct_inputs(), BATCH))
    try:
        server.serve(engine)
        decider = Decider(engine, bundle, clock=SystemClock(), settings=Settings(allow_lives=0))
        decider.decide_batch("submission", inputs)
        began, cpu_began = time.perf_counter(), cpu_seconds([server.pid])
        for _ in range(sizes.policy_batches):
            assert all(answer.allow for answer in decider.decide_batch("submission", inputs))
        seconds, cpu = time.perf_counter() - began, cpu_seconds([server.pid]) - cpu_began
    finally:
        engine.close()
        server.kill()
    decisions = BATCH * sizes.policy_batches
    return (
        at_least("policy, OPA, batches of 1,000 distinct inputs", decisions / seconds, "decisions/s", 10_000),
        Figure(
            "policy, OPA, as CPU time of hub and server allows on one core", decisions / cpu, "decisions/s"
        ),
    )
