"""Checkpoints: one text per tree, and nothing else is read."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.checkpoint import Checkpoint
from passerelle.errors import PasserelleError

ROOT = base64.b64encode(bytes(32))


@given(
    st.builds(
        Checkpoint,
        st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1),
        st.integers(0, 2**63 - 1),
        st.binary(min_size=32, max_size=32),
    )
)
def test_a_checkpoint_survives_its_text(checkpoint: Checkpoint) -> None:
    assert Checkpoint.parse(checkpoint.text()) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\n1\n" + ROOT + b"\n",
        b"hub\n1\n" + ROOT,
        b"hub\n1\n" + ROOT + b"\nmore",
        b"\n1\n" + ROOT + b"\n",
        b"hub\n-1\n" + ROOT + b"\n",
        b"hub\n01\n" + ROOT + b"\n",
        b"hub\n9223372036854775808\n" + ROOT + b"\n",
        b"hub\none\n" + ROOT + b"\n",
        b"hub\n1\n" + base64.b64encode(bytes(31)) + b"\n",
        b"hub\n1\n!!!!\n",
    ],
)
def test_another_text_is_refused(text: bytes) -> None:
    with pytest.raises(PasserelleError) as caught:
        Checkpoint.parse(text)
    assert caught.value.code == "message_malformed"


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused_with_a_code(raw: bytes) -> None:
    try:
        assert Checkpoint.parse(raw).text() == raw
    except PasserelleError as error:
        assert error.code == "message_malformed"
