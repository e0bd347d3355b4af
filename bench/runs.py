"""Runs one benchmark and prints its figures."""

from __future__ import annotations

import cProfile
import multiprocessing
import pstats
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench import first_run, growth, ingest, memory, peers, policy, policy_opa, push, tokenise
from bench.figures import Figure, Sizes
from bench.page import shown

from passerelle.log import configure

Benchmark = Callable[[Sizes, Path], tuple[Figure, ...]]
BENCHMARKS: Mapping[str, Benchmark] = {
    "tokenise": tokenise.run,
    "ingest": ingest.run,
    "push": push.run,
    "policy": policy.run,
    "policy-opa": policy_opa.run,
    "memory": memory.run,
    "peers": peers.run,
    "first-run": first_run.run,
    "growth": growth.run,
}
_TOP = 40


def apart(name: str, sizes: Sizes) -> tuple[Figure, ...]:
    """In a process of its own: what one leaves behind in memory does not slow the next."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), configure, ("bench", "ERROR")) as one:
        return one.submit(measured, name, sizes).result()


def profiled(name: str, sizes: Sizes) -> tuple[Figure, ...]:
    """Here, with where the time of this thread goes; other threads and processes stay out of sight."""
    profiler = cProfile.Profile()
    figures = profiler.runcall(measured, name, sizes)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(_TOP)
    return figures


def measured(name: str, sizes: Sizes) -> tuple[Figure, ...]:
    """In a folder of its own."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="passerelle-bench-") as folder:
        figures = BENCHMARKS[name](sizes, Path(folder))
    print(f"{name} ({time.monotonic() - began:.0f} s)")
    for one in figures:
        goal = f"   goal {one.goal}" if one.goal else ""
        print(f"  {one.name:64} {shown(one.value):>10} {one.unit}{goal}", flush=True)
    return figures
