"""The hub's folder of entries: what it holds is taken, what is damaged is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hub_kit import HubKit

from passerelle.codec.signed import encode_signed
from passerelle.errors import PasserelleError
from passerelle.registry_entry import sign_entry
from passerelle.sign import SigningKey
from passerelle_hub.config import HubSettings
from passerelle_hub.entries import take_entries


@pytest.fixture
def settings(tmp_path: Path) -> HubSettings:
    """A hub whose folder of entries is there and empty."""
    (tmp_path / "entries").mkdir()
    return HubSettings(identity="spiffe://hub.example/hub/exchange", domains={}, base=tmp_path)


def lay(hub: HubKit, folder: Path, name: str, revision: int = 1, key: SigningKey | None = None) -> Path:
    police = hub.agency("police")
    entry = sign_entry(key or hub.registry_key, police.entry(revision=revision))
    (folder / name).write_bytes(encode_signed(entry))
    return folder / name


def test_entries_are_taken_and_an_older_one_is_left_out(hub: HubKit, settings: HubSettings) -> None:
    lay(hub, settings.path("entries"), "a.entry", revision=3)
    lay(hub, settings.path("entries"), "b.entry", revision=2)
    take_entries(hub.core, settings)
    assert hub.core.registry.entry("police").revision == 3


def test_a_folder_that_is_not_there_holds_nothing(hub: HubKit, settings: HubSettings) -> None:
    settings.path("entries").rmdir()
    take_entries(hub.core, settings)
    assert hub.core.registry.members() == ()


@pytest.mark.parametrize("spoilt", ["cut off", "signed by another"])
def test_a_damaged_entry_is_named(hub: HubKit, settings: HubSettings, spoilt: str) -> None:
    folder = settings.path("entries")
    if spoilt == "cut off":
        file = lay(hub, folder, "police.entry", revision=2)
        file.write_bytes(file.read_bytes()[:-40])
    else:
        lay(hub, folder, "police.entry", revision=2, key=SigningKey.generate())
    with pytest.raises(PasserelleError) as caught:
        take_entries(hub.core, settings)
    assert caught.value.code == "entry_file_invalid"
    assert caught.value.detail.startswith("police.entry: ")
    assert "operator of this service" in str(caught.value)
    assert hub.core.registry.entry("police").revision == 1
