"""The hub's settings: what a configuration may say."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from passerelle.groups import Group
from passerelle_hub.config import HubSettings
from passerelle_hub.quota import DEFAULT_LIMITS, resource_of

HUB = {"identity": "spiffe://hub.example/hub/exchange", "domains": {"ter": (1,)}}


def test_every_resource_can_have_a_limit_and_an_exception() -> None:
    limits = dict.fromkeys((*DEFAULT_LIMITS, *map(resource_of, Group)), 7)
    settings = HubSettings.model_validate({**HUB, "quotas": limits, "quota_exceptions": {"police": limits}})
    assert settings.quotas == limits
    assert settings.quota_exceptions == {"police": limits}


@pytest.mark.parametrize("name", ["query", "tokens/phones", "records/phone"])
def test_a_limit_of_what_does_not_exist_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="string_pattern_mismatch"):
        HubSettings.model_validate({**HUB, "quotas": {name: 7}})
