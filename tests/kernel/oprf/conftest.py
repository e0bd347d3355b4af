"""One key shared 2 of 3 and one batch of inputs, dealt from fixed coefficients."""

from __future__ import annotations

import pytest

from passerelle.groups import Group
from passerelle.oprf.group import scalar
from passerelle.oprf.keys import Dealt, deal
from passerelle.oprf.threshold import BlindedBatch, blind

KEY = scalar(2**200 + 11)


@pytest.fixture(scope="session")
def dealt() -> Dealt:
    return deal("test", Group.PHONE, 3, 1, 2, KEY + scalar(2**190 + 7), 3)


@pytest.fixture(scope="session")
def batch() -> BlindedBatch:
    return blind([b"one", b"two", b"three"])
