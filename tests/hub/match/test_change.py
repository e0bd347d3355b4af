"""A change of weights: learned from judgements, bounded, canonical, tied to the shipped table."""

from __future__ import annotations

import json

import pytest

from passerelle.errors import PasserelleError
from passerelle.notification import Band, LinkState
from passerelle_hub.match.calibration import Judged
from passerelle_hub.match.change import PRIOR, WeightChange, decode_change, encode_change, learn
from passerelle_hub.match.weights import table_digest, weights

AGREE = (("surname", "exact"), ("given", "exact"), ("birth", "exact"), ("phone", "exact"))
TYPED = (("surname", "phonetic"), ("given", "exact"), ("birth", "exact"))


def judged(count: int, state: LinkState, levels: tuple[tuple[str, str], ...]) -> list[Judged]:
    return [Judged(state, Band.STRONG, 6.0, levels)] * count


def code(raw: bytes) -> str:
    with pytest.raises(PasserelleError) as caught:
        decode_change(raw)
    return caught.value.code


def test_confirmed_links_move_m_towards_what_they_show() -> None:
    change = learn([*judged(PRIOR, LinkState.CONFIRMED, TYPED), *judged(7, LinkState.REFUTED, AGREE)])
    shipped, taught = weights(), change.over(weights())
    m, _ = shipped.chances["surname"]["phonetic"]
    assert change.m["surname"]["phonetic"] == pytest.approx((m + 1) / 2, abs=1e-4)
    assert taught.fields["surname"]["phonetic"] > shipped.fields["surname"]["phonetic"]
    assert taught.fields["surname"]["exact"] < shipped.fields["surname"]["exact"]
    assert (change.confirmed, change.refuted) == (PRIOR, 7)
    assert taught.version == f"weights/1+{change.revision}"
    assert taught.floors == shipped.floors


def test_what_cannot_disagree_teaches_nothing_and_u_stays() -> None:
    change = learn(judged(50, LinkState.CONFIRMED, AGREE))
    assert "phone" not in change.m
    assert "middle" not in change.m
    taught = change.over(weights())
    for field, levels in weights().chances.items():
        for level, (_, u) in levels.items():
            assert taught.chances[field][level][1] == u


def test_too_few_judgements_teach_nothing() -> None:
    for links in ([], judged(3, LinkState.CONFIRMED, AGREE), judged(90, LinkState.REFUTED, AGREE)):
        with pytest.raises(PasserelleError, match="weights_too_few"):
            learn(links)


def test_no_number_of_judgements_moves_an_m_by_more_than_three_bits() -> None:
    odd = (("surname", "initial"), ("given", "initial"), ("birth", "year"))
    taught = learn(judged(100_000, LinkState.CONFIRMED, odd)).over(weights())
    for field, levels in weights().fields.items():
        for level, bits in levels.items():
            assert abs(taught.fields[field][level] - bits) <= 3.01


def test_bytes_and_back() -> None:
    change = learn(judged(40, LinkState.CONFIRMED, TYPED))
    assert decode_change(encode_change(change)) == change


def test_only_the_canonical_form_over_the_shipped_table_within_bounds_is_read() -> None:
    change = learn(judged(40, LinkState.CONFIRMED, TYPED))
    raw = encode_change(change)
    for other in (b"", b"[]", b"\xff", raw + b" ", b"[" * 9_000, b" " * 70_000, b'{"m":{"a":7}}'):
        assert code(other) == "weights_change_invalid"
    assert code(encode_change(WeightChange("0" * 64, change.m, 1, 1))) == "weights_base_differs"
    for m in (
        {"birth": {"exact": 0.01}},
        {"birth": {"exact": 1.5}},
        {"shoe": {"exact": 0.5}},
        {"birth": {"tomorrow": 0.5}},
    ):
        assert code(encode_change(WeightChange(table_digest(), m, 1, 1))) == "weights_change_invalid"
    content = json.loads(raw)
    content["form"] = "weights-change/2"
    assert (
        code(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()) == "weights_change_invalid"
    )
