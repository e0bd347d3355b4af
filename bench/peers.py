"""The job of a peer done by both: find the equal identifiers of N parties, none of them shown to anybody.

(1) N parties hold as many identifiers each; 5 % of a party's are also the next party's;
(2) ours: every identifier becomes a token with two of three trustee processes over mutual TLS, proofs on;
    marks under the pepper go into an index on a SQLite file, one durable transaction a party, which looks up
    the marks of the parties before it;
(3) the peer: openmined-psi for every pair of parties, in its own environment and process, without a network
    (`psi_job`).

Both must find the same number. A pairwise protocol costs an element one exponentiation a pair and more, a
token is made once whatever the number of parties; so the comparison is stated with N, and CPU time of all
processes is compared, since ours runs in four and the peer in one.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figures import SEED, Figure, Sizes, at_least, cpu_seconds
from bench.stage import AGENCY, Running, running

from passerelle.catalogue import catalogue
from passerelle.clock import SystemClock
from passerelle.config import load
from passerelle.store import Database, sqlite_engine
from passerelle_connector.compose_ports import load_peers, open_ports
from passerelle_connector.compose_rows import token_protocol
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.foundation import Ports, Stores, open_stores
from passerelle_connector.group_keys import load_group_keys
from passerelle_connector.keys import Key
from passerelle_connector.tokenise import Tokeniser
from passerelle_hub.index import MARK_BYTES, Pepper

PARTIES = 10
SHARED = 0.05
PEERS = Path(__file__).parents[1] / "build" / "peers"
_KIND = "phone"
_GOAL = f"per element faster than openmined-psi, {PARTIES} parties"
_TABLE = (
    "CREATE TABLE token (mark BLOB NOT NULL, party INTEGER NOT NULL, PRIMARY KEY (mark, party)) WITHOUT ROWID"
)


@dataclass(slots=True)
class Took:
    """One side's job."""

    seconds: float
    cpu_seconds: float
    pairs: int


def run(sizes: Sizes, folder: Path) -> tuple[Figure, ...]:
    """Measure; without the peer's environment (`make bench` makes it) its lines say so."""
    parties = _parties(sizes.peer_identifiers)
    elements = PARTIES * sizes.peer_identifiers
    with running(folder / "peers", rows=1) as stage:
        stage.start_trustees()
        ours = asyncio.run(_ours(stage, parties, folder / "marks.db"))
    figures = (
        Figure("equal identifiers, CPU an element, ours", 1e6 * ours.cpu_seconds / elements, "µs"),
        Figure("equal identifiers, an element by the clock, ours", 1e6 * ours.seconds / elements, "µs"),
    )
    theirs = _theirs(parties, folder / "parties.json")
    if theirs is None:
        return (Figure(_GOAL, None, "ratio", ">= 1"), *figures)
    assert theirs.pairs == ours.pairs
    return (
        at_least(_GOAL, theirs.cpu_seconds / ours.cpu_seconds, "ratio", 1),
        *figures,
        Figure("equal identifiers, CPU an element, openmined-psi", 1e6 * theirs.cpu_seconds / elements, "µs"),
        Figure(
            "equal identifiers, an element by the clock, openmined-psi",
            1e6 * theirs.seconds / elements,
            "µs",
        ),
    )


def _parties(count: int) -> list[list[str]]:
    """(1) What each party holds."""
    rng = random.Random(SEED)
    parties: list[list[str]] = []
    for _ in range(PARTIES):
        before = rng.sample(parties[-1][-count // 2 :], round(SHARED * count)) if parties else []
        fresh = [f"+32{rng.randrange(10**12):012}" for _ in range(count - len(before))]
        parties.append(before + fresh)
    return parties


async def _ours(stage: Running, parties: Sequence[Sequence[str]], file: Path) -> Took:
    """(2) One tokeniser for each party, so that none finds values of another in its cache."""
    settings = load(ConnectorSettings, stage.stage.connectors[AGENCY])
    peers, stores, kind = load_peers(settings), open_stores(settings), catalogue().named(_KIND).id
    marks_of, database = Pepper(os.urandom(32)).marker("ter", 1), Database(sqlite_engine(f"sqlite:///{file}"))
    with database.write() as tx:
        tx.exec_driver_sql(_TABLE)
    found = 0
    try:
        async with open_ports(settings, peers) as ports:
            await _tokeniser(settings, stores, ports).tokenise([[Key(kind, b"first")]])  # connect all sides
            trustees, cpu, began = stage.trustee_cpu(), cpu_seconds(), time.perf_counter()
            for party, items in enumerate(parties):
                tokeniser = _tokeniser(settings, stores, ports)
                tokens = await tokeniser.tokenise([[Key(kind, item.encode())] for item in items])
                rows = [kind.to_bytes(2, "big") + token for record in tokens for _, token in record]
                found += _matched(database, party, marks_of(rows))
            seconds, used = time.perf_counter() - began, cpu_seconds() - cpu
            return Took(seconds, used + stage.trustee_cpu() - trustees, found)
    finally:
        database.close()
        stores.database.close()


def _tokeniser(settings: ConnectorSettings, stores: Stores, ports: Ports) -> Tokeniser:
    return Tokeniser(
        token_protocol(settings),
        catalogue(),
        load_group_keys(settings, load_peers(settings), SystemClock().now()),
        ports.trustees,
        stores.tokens,
        os.urandom(32),
        os.urandom,
    )


def _matched(database: Database, party: int, entries: Sequence[bytes]) -> int:
    """Insert the marks of a party; how many of them other parties have, counted once for each."""
    marks = sorted(entry[:MARK_BYTES] for entry in entries)
    with database.write() as tx:
        tx.exec_driver_sql("INSERT INTO token VALUES (?, ?)", [(mark, party) for mark in marks])
        places = ",".join("?" * len(marks))
        query = f"SELECT count(*) FROM token WHERE party <> ? AND mark IN ({places})"  # noqa: S608 - placeholders only
        return int(tx.exec_driver_sql(query, (party, *marks)).scalar_one())


def _theirs(parties: Sequence[Sequence[str]], file: Path) -> Took | None:
    """(3) None without the environment of the peers."""
    if not (PEERS / ".installed").exists():
        return None
    file.write_text(json.dumps(parties), "utf-8")
    job = [str(PEERS / "bin" / "python"), str(Path(__file__).with_name("psi_job.py")), str(file)]
    done = subprocess.run(job, check=True, capture_output=True, text=True)  # noqa: S603 - fixed command
    said: dict[str, Any] = json.loads(done.stdout)
    return Took(**said)
