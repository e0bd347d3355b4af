"""Equal identifiers of N parties, found pair by pair with openmined-psi. Runs in the peers' own environment.

Reads a JSON list of N lists of texts, prints {"seconds", "cpu_seconds", "pairs"}: what it took, and how many
equal identifiers each pair of parties has, summed.

Everything happens in one process, without a network, and a party makes its setup message as a server once for
all. Each pair is a session of its own, as the library is made for: a client that used one key for several
servers would let these compare what it asked them. A pair so costs a request, the answer to it and the
intersection. The client learns which identifiers are equal.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

FALSE_POSITIVES = 1e-9


def equal_pairs(parties: list[list[str]]) -> int:
    """How many identifiers each two parties share, summed over all pairs."""
    psi: Any = importlib.import_module("private_set_intersection.python")  # not known to this project
    reveals = True
    servers = [psi.server.CreateWithNewKey(reveals) for _ in parties]
    most = max(len(items) for items in parties)
    setups = [
        server.CreateSetupMessage(FALSE_POSITIVES, most, items, psi.DataStructure.RAW)
        for server, items in zip(servers, parties, strict=True)
    ]
    found = 0
    for at, items in enumerate(parties):
        for other in range(at + 1, len(parties)):
            client = psi.client.CreateWithNewKey(reveals)
            answer = servers[other].ProcessRequest(client.CreateRequest(items))
            found += len(client.GetIntersection(setups[other], answer))
    return found


def main(file: str) -> None:
    """Do the job of one file."""
    parties: list[list[str]] = json.loads(Path(file).read_text("utf-8"))
    began, cpu = time.perf_counter(), time.process_time()
    pairs = equal_pairs(parties)
    took = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu, "pairs": pairs}
    print(json.dumps(took))


if __name__ == "__main__":
    main(sys.argv[1])
