"""The rule of clusters: weak chains do not merge, contradictions never do, and no order matters."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle_hub.match.clusters import AGAINST, Member, Pair, clusters

A, B, C, D, E = range(5)


def members(agencies: str) -> list[Member]:
    """Records with keys 0, 1, ... of agencies named by one letter each."""
    return [Member(letter, bytes([at]), at) for at, letter in enumerate(agencies)]


@pytest.mark.parametrize(
    ("agencies", "ties", "expected"),
    [
        pytest.param("p", {}, [(A,)], id="one"),
        pytest.param("pq", {(A, B): 1}, [(A, B)], id="any link of two"),
        pytest.param("pqr", {(A, B): 2, (B, C): 2}, [(A, B, C)], id="two strong links"),
        pytest.param("pqr", {(A, B): 1, (B, C): 1}, [(A, B), (C,)], id="a weak chain"),
        pytest.param("pqr", {(A, B): 2, (B, C): 1}, [(A, B), (C,)], id="a weak end"),
        pytest.param("pqr", {(A, B): 1, (B, C): 1, (A, C): 1}, [(A, B, C)], id="a weak triangle"),
        pytest.param(
            "pqrs", {(A, B): 2, (B, C): 2, (C, D): 2}, [(A, B), (C, D)], id="a chain of strong links"
        ),
        pytest.param("ppq", {(A, C): 2, (B, C): 2}, [(A, B, C)], id="one agency holds it twice"),
        pytest.param("pqr", {(A, B): 2, (B, C): 2, (A, C): AGAINST}, [(A, B), (C,)], id="a contradiction"),
        pytest.param("pq", {(A, B): AGAINST}, [(A,), (B,)], id="refuted"),
        pytest.param("pp", {}, [(A,), (B,)], id="nothing counts"),
        pytest.param(
            "pqrst",
            {(A, B): 2, (B, C): 2, (A, C): 2, (C, D): 2, (D, E): 2},
            [(A, B, C), (D, E)],
            id="two entities that touch",
        ),
    ],
)
def test_what_holds_and_what_does_not(
    agencies: str, ties: dict[Pair, int], expected: list[tuple[int, ...]]
) -> None:
    assert clusters(members(agencies), ties) == expected


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Member], dict[Pair, int]]:
    some = members("".join(draw(st.lists(st.sampled_from("pqrst"), min_size=1, max_size=9))))
    tie = st.sampled_from([0, 0, 1, 2, 2, AGAINST])
    pairs = [(one.key, other.key) for one, other in combinations(some, 2) if one.agency != other.agency]
    return some, {pair: draw(tie) for pair in pairs}


@settings(max_examples=300)
@given(graphs(), st.randoms(use_true_random=False))
def test_neither_order_nor_keys_matter(
    graph: tuple[list[Member], dict[Pair, int]], chance: random.Random
) -> None:
    some, ties = graph
    renamed = list(range(len(some)))
    chance.shuffle(renamed)
    others = [member._replace(key=renamed[member.key]) for member in some]
    chance.shuffle(others)
    moved = {(min(renamed[a], renamed[b]), max(renamed[a], renamed[b])): tie for (a, b), tie in ties.items()}
    back = {new: old for old, new in enumerate(renamed)}
    found = [tuple(sorted(back[key] for key in group)) for group in clusters(others, moved)]
    assert sorted(found) == clusters(some, ties)


@settings(max_examples=300)
@given(graphs())
def test_every_cluster_holds_by_its_own_ties(graph: tuple[list[Member], dict[Pair, int]]) -> None:
    some, ties = graph
    agency = {member.key: member.agency for member in some}
    found = clusters(some, ties)
    assert sorted(key for group in found for key in group) == sorted(agency)
    for group in found:
        inside = list(combinations(group, 2))
        assert all(ties.get(pair, 0) != AGAINST for pair in inside)
        counted = [ties.get(pair, 0) for pair in inside if agency[pair[0]] != agency[pair[1]]]
        assert len(group) == 1 or sum(counted) >= len(counted)
