"""Threshold tokenisation against the bare group operations.

(1) three trustee processes over mutual TLS; the connector's own tokeniser in this process asks two of them
    for each batch, proofs on, its cache filled but never hit;
(2) after each batch, the group operations that its tokens need, and nothing else, for as many elements.

A token costs the connector: one map to the group, a random scalar, a multiplication to blind, for each of
two trustees two weighted sums to check the proof, one addition to combine, an inversion and a multiplication
to unblind. It costs each of two trustees a multiplication and a weighted sum. CPU times are compared,
because the machine may be shared.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.figures import SEED, Figure, Sizes, at_least, at_most, cpu_seconds
from bench.stage import AGENCY, Running, running

from passerelle.catalogue import catalogue
from passerelle.clock import SystemClock
from passerelle.config import load
from passerelle.oprf.group import ristretto255
from passerelle.oprf.hashing import Mode, context_string, hash_to_group
from passerelle_connector.compose_ports import load_peers, open_ports
from passerelle_connector.compose_rows import token_protocol
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.foundation import open_stores
from passerelle_connector.group_keys import load_group_keys
from passerelle_connector.keys import Key
from passerelle_connector.tokenise import Tokeniser

BATCH = 1_000
QUORUM = 2
CORES = 2
_KIND = "surname+given+birth"


@dataclass(slots=True)
class Spent:
    """Seconds, summed over batches: wall clock of tokenising, CPU by who used it, CPU of bare operations."""

    wall: float = 0.0
    connector: float = 0.0
    trustees: float = 0.0
    bare_connector: float = 0.0
    bare_trustees: float = 0.0


def run(sizes: Sizes, folder: Path) -> tuple[Figure, ...]:
    """Measure."""
    with running(folder / "tokenise", rows=1) as stage:
        stage.start_trustees()
        spent = asyncio.run(_measure(stage, sizes.tokenise_batches))
    tokens = BATCH * sizes.tokenise_batches
    used, bare = spent.connector + spent.trustees, spent.bare_connector + spent.bare_trustees
    beyond = 100 * (spent.connector / spent.bare_connector - 1)
    return (
        at_least("tokenise, 2 of 3 trustees, proofs on", tokens / spent.wall, "tokens/s", 1_500),
        Figure("tokenise, as CPU time allows on two free cores", CORES * tokens / used, "tokens/s"),
        at_most("tokenise, CPU of the connector beyond the group operations", beyond, "%", 15),
        Figure("tokenise, CPU of all sides to the bare group operations", used / bare, "ratio"),
        Figure("tokenise, CPU of the connector for a token", 1e6 * spent.connector / tokens, "µs"),
    )


async def _measure(stage: Running, batches: int) -> Spent:
    settings = load(ConnectorSettings, stage.stage.connectors[AGENCY])
    peers, stores = load_peers(settings), open_stores(settings)
    keys = load_group_keys(settings, peers, SystemClock().now())
    rng, kind, spent = random.Random(SEED), catalogue().named(_KIND).id, Spent()
    try:
        async with open_ports(settings, peers) as ports:
            tokeniser = Tokeniser(
                token_protocol(settings),
                catalogue(),
                keys,
                ports.trustees,
                stores.tokens,
                rng.randbytes(32),
                os.urandom,
            )
            await tokeniser.tokenise([[Key(kind, rng.randbytes(24))] for _ in range(64)])  # connect all sides
            for _ in range(batches):
                values = [rng.randbytes(24) for _ in range(BATCH)]
                await _tokenise(stage, tokeniser, kind, values, spent)
                _bare(values, spent)
    finally:
        stores.database.close()
    return spent


async def _tokenise(
    stage: Running, tokeniser: Tokeniser, kind: int, values: list[bytes], spent: Spent
) -> None:
    """(1) One batch of new values."""
    trustees, cpu, began = stage.trustee_cpu(), cpu_seconds(), time.perf_counter()
    tokens = await tokeniser.tokenise([[Key(kind, value)] for value in values])
    spent.wall += time.perf_counter() - began
    spent.connector += cpu_seconds() - cpu
    spent.trustees += stage.trustee_cpu() - trustees
    assert len({token for record in tokens for token in record}) == len(values)


def _bare(values: list[bytes], spent: Spent) -> None:
    """(2) The same operations on as many elements."""
    group, count = ristretto255(), len(values)
    elements = hash_to_group(values, context_string(Mode.VOPRF))
    weights = group.random_scalars(count)

    def connector() -> None:
        blinds = group.random_scalars(count)
        blinded = group.multiply(blinds, hash_to_group(values, context_string(Mode.VOPRF)))
        for _ in range(2 * QUORUM):
            group.weighted_sum(weights, blinded)
        group.multiply(group.invert(blinds), group.add(blinded, elements))

    def trustees() -> None:
        for _ in range(QUORUM):
            group.multiply(weights[:32], elements)
            group.weighted_sum(weights, elements)

    spent.bare_connector += _cpu_of(connector)
    spent.bare_trustees += _cpu_of(trustees)


def _cpu_of(work: Callable[[], None]) -> float:
    before = cpu_seconds()
    work()
    return cpu_seconds() - before
