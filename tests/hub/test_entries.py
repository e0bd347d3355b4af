"""The hub's folder of entries: what it holds is taken, what is damaged is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hub_kit import FakeAgency, HubKit
from structlog.testing import capture_logs

from passerelle.codec.signed import encode_signed
from passerelle.errors import PasserelleError
from passerelle.registry_entry import sign_entry
from passerelle.sign import SigningKey
from passerelle_hub.config import HubSettings
from passerelle_hub.entries import begin_with_entries, take_entries


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
    for _ in range(2):
        with capture_logs() as lines:
            (damaged,) = take_entries(hub.core, settings)
        (line,) = (line for line in lines if line["event"] == "entry.damaged")
        assert (line["code"], line["detail"]) == (damaged.code, damaged.detail)
        assert damaged.code == "entry_file_invalid"
        assert damaged.detail.startswith("police.entry: ")
        assert "operator of this service" in str(damaged)
    assert hub.core.registry.entry("police").revision == 1


@pytest.mark.parametrize("spoilt", ["cut off", "signed by another", "no file"])
def test_a_damaged_entry_keeps_no_other_from_being_taken(
    hub: HubKit, settings: HubSettings, spoilt: str
) -> None:
    folder = settings.path("entries")
    if spoilt == "no file":
        (folder / "b.entry").mkdir()
    else:
        file = lay(hub, folder, "b.entry", key=SigningKey.generate())
        file.write_bytes(file.read_bytes()[: -40 if spoilt == "cut off" else None])
    lay(hub, folder, "a.entry", revision=2)
    customs = FakeAgency("customs", hub.roots, hub.clock)
    (folder / "c.entry").write_bytes(encode_signed(sign_entry(hub.registry_key, customs.entry())))
    (damaged,) = take_entries(hub.core, settings)
    assert damaged.detail.startswith("b.entry: ")
    assert hub.core.registry.entry("police").revision == 2
    assert hub.core.registry.entry("customs").revision == 1
    (folder / "b.entry").rename(folder / "b.damaged")
    assert take_entries(hub.core, settings) == ()


def test_a_hub_starts_beside_a_damaged_entry_once_it_knows_anybody(
    hub: HubKit, settings: HubSettings
) -> None:
    folder = settings.path("entries")
    (folder / "b.entry").write_bytes(b"damaged")
    with pytest.raises(PasserelleError) as caught:
        begin_with_entries(hub.core, settings)
    assert caught.value.code == "entry_file_invalid"
    lay(hub, folder, "a.entry")
    begin_with_entries(hub.core, settings)
    assert [entry.agency for entry in hub.core.registry.members()] == ["police"]
