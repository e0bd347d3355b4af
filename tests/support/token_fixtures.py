"""The fixture for software tokens; `.ci/run` installs softhsm2."""

from __future__ import annotations

import pytest
from token_kit import Tokens, make_tokens


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    """One set for all tests of a process."""
    return make_tokens(tmp_path_factory.mktemp("tokens"))
