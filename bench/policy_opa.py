"""Policy decisions a second of a real OPA server on this machine, nothing remembered.

The same batches of 1,000 distinct projections of `submission` as in `bench.policy`, through the same adapter;
the server takes a signed bundle and listens on loopback. Without an `opa` binary there is no figure.
"""

from __future__ import annotations

import itertools
import time
from pathlib import Path

from bench.figures import Figure, Sizes, at_least
from bench.policy import BATCH, distinct_inputs
from opa_kit import OpaBench, Signer

from passerelle.clock import SystemClock
from passerelle_demo.cli import POLICIES
from passerelle_hub.policy.bundle import load_bundle
from passerelle_hub.policy.decide import Decider, Settings
from passerelle_hub.policy.opa import OpaAddress, OpaEngine
from passerelle_hub.policy.rego_tests import opa_binary


def run(sizes: Sizes, folder: Path) -> tuple[Figure, ...]:
    """Measure."""
    found = opa_binary()
    if found is None:
        return ()
    bundle, home = load_bundle(POLICIES), folder / "opa"
    home.mkdir(parents=True, exist_ok=True)
    server = OpaBench(Path(found), home, Signer(Path(found), home / "keys")).server(bundle)
    engine = OpaEngine(OpaAddress(port=server.port, timeout=20.0), bundle.revision)
    inputs = list(itertools.islice(distinct_inputs(), BATCH))
    try:
        server.serve(engine)
        decider = Decider(engine, bundle, clock=SystemClock(), settings=Settings(allow_lives=0))
        decider.decide_batch("submission", inputs)
        began = time.perf_counter()
        for _ in range(sizes.policy_batches):
            assert all(answer.allow for answer in decider.decide_batch("submission", inputs))
        seconds = time.perf_counter() - began
    finally:
        engine.close()
        server.kill()
    rate = BATCH * sizes.policy_batches / seconds
    return (at_least("policy, OPA, batches of 1,000 distinct inputs", rate, "decisions/s", 10_000),)
