"""No canonical value of the demonstration's data reaches the hub, in the clear or as a plain hash.

Searched: every file of the hub's database, everything that was logged, every message that the hub was sent
or sent itself. The same search finds the values when tokens are plain hashes, so it is able to fail.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog
from simulator import Federation

from passerelle.catalogue import Tier, catalogue
from passerelle_connector.compose_rows import build_source
from passerelle_connector.keys import Key, derive
from passerelle_connector.normalise import normalise
from passerelle_connector.tokenise import Tokeniser
from passerelle_demo.scenario import synthetic

SMALLEST = 6
ROWS = 160


@contextmanager
def recorded(into: list[bytes]) -> Iterator[None]:
    """Keep every log event, before it is filtered."""

    def keep(_logger: object, _name: str, event: structlog.typing.EventDict) -> str:
        into.append(repr(event).encode())
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[keep], wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    try:
        yield
    finally:
        structlog.configure(**before)


def canonical_values(simulated: Federation) -> set[bytes]:
    """What the connectors' normalisation makes of the data: identifiers, names, dates, match keys."""
    found: set[bytes] = set()
    for member in simulated.members.values():
        for row in build_source(member.settings).records(""):
            fields = getattr(row, "fields", None)
            if fields is None:
                continue
            result = normalise(fields)
            found.update(identifier.value.encode() for identifier in result.subject.identifiers)
            for name in result.subject.names:
                parts = (*name.family, *name.given, *name.middle, *name.full)
                found.update(part.encode() for part in parts)
            if not result.rejected:
                keys = derive(result.subject, catalogue(), frozenset({Tier.CORE, Tier.STRONG}))
                found.update(key.value for key in keys)
    return {value for value in found if len(value) >= SMALLEST}


def needles(values: Iterable[bytes]) -> Iterator[bytes]:
    """Each value plain and as SHA-256, whole or as a token would cut it, raw and in hexadecimal."""
    for value in values:
        digest = hashlib.sha256(value).digest()
        yield from (value, digest[:16], digest.hex()[:32].encode())


def leaks(haystacks: Sequence[bytes], values: set[bytes]) -> int:
    """How many needles some haystack holds."""
    everything = b"\x00".join(haystacks)
    return sum(needle in everything for needle in set(needles(values)))


def hub_files(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("hub.db*"))]


async def play(simulated: Federation) -> list[bytes]:
    """All agencies submit, two ticks pass, everybody reads; returns what the hub could have kept."""
    scenario = synthetic(ROWS, seed=5)
    logged: list[bytes] = []
    with recorded(logged):
        for one, agency in zip(scenario.cast, ("police", "intelligence"), strict=False):
            simulated.join(agency, one.mapping, dict(one.files))
        for member in simulated.members.values():
            await member.submit()
        simulated.beat()
        simulated.beat()
        for member in simulated.members.values():
            await member.read_inbox()
    return [*hub_files(simulated.folder), *simulated.wire, *logged]


async def test_the_hub_never_sees_a_value(simulated: Federation) -> None:
    haystacks = await play(simulated)
    values = canonical_values(simulated)
    assert len(values) > 5 * ROWS
    assert sum(map(len, haystacks)) > 100_000
    assert leaks(haystacks, values) == 0


async def test_the_same_search_finds_plain_hashes(
    simulated: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hashed(
        _self: Tokeniser, records: Sequence[Sequence[Key]]
    ) -> tuple[tuple[tuple[int, bytes], ...], ...]:
        return tuple(
            tuple((key.kind_id, hashlib.sha256(key.value).digest()[:16]) for key in keys) for keys in records
        )

    monkeypatch.setattr(Tokeniser, "tokenise", hashed)
    haystacks = await play(simulated)
    assert leaks(haystacks, canonical_values(simulated)) > ROWS
