"""Signed documents hold whole numbers alone."""

from __future__ import annotations

import pytest

from passerelle import whole_json


def test_whole_numbers_are_read() -> None:
    assert whole_json.loads(b'{"a":[1,-2,123456789012345678901]}') == {"a": [1, -2, 123456789012345678901]}


@pytest.mark.parametrize("number", ["1.0", "1e3", "2E999", "-0.5", "NaN", "Infinity", "-Infinity"])
def test_other_numbers_are_refused(number: str) -> None:
    with pytest.raises(ValueError, match="not whole"):
        whole_json.loads(f'{{"a":{number}}}')
