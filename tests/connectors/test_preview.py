"""What a partner asks before it submits: its configuration, and what the command line overrides."""

from __future__ import annotations

from pathlib import Path

import pytest

from passerelle.errors import PasserelleError
from passerelle.groups import EntityKind
from passerelle.marking import Handling
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.preview import imagine


@pytest.fixture
def settings(tmp_path: Path) -> ConnectorSettings:
    given = {
        "identity": "spiffe://police.example/connector/police",
        "domain": "ter",
        "base": tmp_path,
        "hub": {"address": "127.0.0.1:1", "agency": "exchange"},
        "trustees": [],
        "source": {},
        "map": {},
        "marking": {"purposes": ["counter_terrorism"], "legal_basis": "be_ter_2024", "case_reference": "C1"},
    }
    return ConnectorSettings.model_validate(given)


def test_the_configured_marking_is_what_is_asked_about(settings: ConnectorSettings) -> None:
    asked = imagine(settings, (), "fr")
    assert (asked.domain, asked.entity, asked.language) == ("ter", EntityKind.PERSON, "fr")
    assert asked.tiers == ("core", "strong")
    assert asked.marking.purposes == ("counter_terrorism",)


def test_the_command_line_overrides(settings: ConnectorSettings) -> None:
    changes = ("handling=H2", "releasable_to=customs,police", "tiers=names", "entity=means")
    asked = imagine(settings, changes, "en")
    assert asked.marking.handling is Handling.H2
    assert asked.marking.releasable_to == ("customs", "police")
    assert (asked.tiers, asked.entity) == (("names",), EntityKind.MEANS)


@pytest.mark.parametrize("change", ["handling", "handling=H9", "colour=red", "entity=ghost", "entity="])
def test_what_is_no_marking_is_refused(settings: ConnectorSettings, change: str) -> None:
    with pytest.raises(PasserelleError) as refused:
        imagine(settings, (change,), "en")
    assert refused.value.code == "mapping_invalid"
