"""The four fictional agencies: always the same, readable by the connector, linkable as the goal says."""

import tomllib
from itertools import combinations

import pytest

from passerelle.catalogue import Tier, catalogue
from passerelle.groups import EntityKind
from passerelle.notification import Relation
from passerelle_connector.keys import Key, derive
from passerelle_connector.normalise import FIELDS, normalise
from passerelle_connector.sources.mapping import Targets, cells, compile_mapping
from passerelle_demo.synthetic import Agency, Federation, generate
from passerelle_hub.match.population import Population
from passerelle_hub.match.score import SharedToken, Verdict, score

TIERS = frozenset({Tier.CORE, Tier.STRONG})


@pytest.fixture(scope="module")
def federation() -> Federation:
    return generate(1_000, 11)


def keys_of(agency: Agency) -> dict[tuple[str, str], tuple[Key, ...]]:
    mapping = tomllib.loads(agency.mapping)
    mapper = compile_mapping(mapping["source"]["reference"], mapping["map"], Targets(FIELDS, frozenset()))
    found: dict[tuple[str, str], tuple[Key, ...]] = {}
    for row in agency.rows:
        mapped = mapper({column: cells(value) for column, value in row.items()})
        result = normalise(mapped.fields)
        assert not result.rejected
        found[agency.id, mapped.reference] = derive(result.subject, catalogue(), TIERS)
    return found


def test_a_seed_is_a_federation(federation: Federation) -> None:
    assert generate(1_000, 11) == federation
    assert generate(1_000, 12) != federation
    assert 900 <= sum(len(agency.rows) for agency in federation.agencies) <= 1_100
    assert {agency.language for agency in federation.agencies} == {"nl", "fr", "de", "en"}


def test_the_truth_names_rows_of_two_agencies(federation: Federation) -> None:
    refs = {(agency.id, row["REF"]) for agency in federation.agencies for row in agency.rows}
    assert len(federation.truth) > 100
    for one, other in federation.truth:
        assert {one, other} <= refs
        assert one[0] != other[0]


def test_a_record_has_at_most_26_tokens_on_average(federation: Federation) -> None:
    counts = [len(keys) for agency in federation.agencies for keys in keys_of(agency).values()]
    assert sum(counts) / len(counts) <= 26


def test_linkage_reaches_the_goal(federation: Federation) -> None:
    records = {ref: keys for agency in federation.agencies for ref, keys in keys_of(agency).items()}
    holders: dict[Key, list[tuple[str, str]]] = {}
    for ref, keys in records.items():
        for key in keys:
            holders.setdefault(key, []).append(ref)
    shared: dict[tuple[tuple[str, str], tuple[str, str]], list[SharedToken]] = {}
    for key, refs in holders.items():
        token = SharedToken(key.kind_id, len(refs), len({agency for agency, _ in refs}))
        for pair in combinations(refs, 2):
            if pair[0][0] != pair[1][0]:
                shared.setdefault(pair, []).append(token)
    kinds = {ref: frozenset(key.kind_id for key in keys) for ref, keys in records.items()}
    found: set[tuple[tuple[str, str], tuple[str, str]]] = set()
    person = EntityKind.PERSON
    for (a, b), tokens in shared.items():
        result = score(tokens, kinds[a], kinds[b], person, person, Population(len(records)))
        if result.verdict is Verdict.MATCH and result.relation is Relation.SAME_PERSON:
            found.add((a, b))
    hits = len(found & federation.truth)
    assert hits / len(federation.truth) >= 0.95
    assert hits / len(found) >= 0.98
