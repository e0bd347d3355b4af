"""What a configuration must bring before anything is wired."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from connector_kit import Cast
from parties import HUB

from passerelle.clock import SystemClock
from passerelle.codec.signed import encode_signed
from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.identity import Role
from passerelle.oprf.group import ristretto255
from passerelle.oprf.keys import deal
from passerelle.oprf.pinned import Ceremony, GroupKeys
from passerelle.registry_entry import Status
from passerelle_connector.compose_ports import load_peers
from passerelle_connector.compose_rows import build_preparation, token_protocol
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.group_keys import load_group_keys


def settings(folder: Path, **changes: Any) -> ConnectorSettings:
    values: dict[str, Any] = {
        "base": folder,
        "identity": "spiffe://police.example/connector/police",
        "domain": "ter",
        "source": {},
        "map": {},
        "marking": {"purposes": ["terrorism"], "legal_basis": "law"},
        "hub": {"address": "hub:7443", "agency": HUB.agency},
        "trustees": (),
    }
    return ConnectorSettings(**{**values, **changes})


@pytest.fixture
def folder(tmp_path: Path, cast: Cast) -> Path:
    """Registry key, roots and the hub's entry, as files."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "entries").mkdir()
    (tmp_path / "keys" / "roots.pem").write_bytes(cast.root)
    (tmp_path / "registry.pub").write_bytes(cast.registry.public.raw)
    entry = encode_signed(cast.hub.entry(cast.registry, cast.root))
    (tmp_path / "entries" / "hub").write_bytes(entry)
    return tmp_path


def test_peers_come_from_signed_entries(folder: Path, cast: Cast) -> None:
    (folder / "entries" / "forged").write_bytes(
        encode_signed(cast.customs.entry(cast.hub.signing, cast.root))
    )
    peers = load_peers(settings(folder))
    assert peers.hub == HUB
    assert peers.roots(HUB) == cast.root
    with pytest.raises(PasserelleError, match="agency_unknown"):
        peers.identity("customs", Role.CONNECTOR)
    with pytest.raises(PasserelleError, match="recipient_unknown"):
        peers.sealing_key("customs", 1)


def test_a_suspended_recipient_gets_no_wrap(folder: Path, cast: Cast) -> None:
    peers = load_peers(settings(folder))
    peers.accept([cast.customs.entry(cast.registry, cast.root)])
    assert peers.sealing_key("customs", 1) == cast.customs.sealing.public
    peers.accept([cast.customs.entry(cast.registry, cast.root, Status.SUSPENDED, revision=2)])
    with pytest.raises(PasserelleError, match="recipient_unknown"):
        peers.sealing_key("customs", 1)


def test_a_missing_registry_is_said(tmp_path: Path) -> None:
    with pytest.raises(PasserelleError, match="config_invalid"):
        load_peers(settings(tmp_path))


def test_a_damaged_entry_is_named(folder: Path) -> None:
    (folder / "entries" / "police").write_bytes(b"\xff")
    with pytest.raises(PasserelleError) as caught:
        load_peers(settings(folder))
    assert caught.value.code == "entry_file_invalid"
    assert caught.value.detail.startswith("police: ")


def pinned_keys(given: ConnectorSettings) -> GroupKeys:
    return load_group_keys(given, load_peers(given), SystemClock().now())


def test_keys_that_one_process_dealt_need_a_word(folder: Path) -> None:
    dealt = deal("ter", Group.PHONE, 1, 1, 2, ristretto255().random_scalars(2), 3)
    pinned = GroupKeys(Ceremony.DEVELOPMENT, (dealt.info,))
    (folder / "group-keys.json").write_text(pinned.to_json(), "utf-8")
    with pytest.raises(PasserelleError, match="config_invalid") as caught:
        pinned_keys(settings(folder))
    assert "development_keys" in caught.value.detail
    assert pinned_keys(settings(folder, development_keys=True)) == pinned


def test_missing_keys_are_said(folder: Path) -> None:
    with pytest.raises(PasserelleError, match="config_invalid"):
        pinned_keys(settings(folder))


def test_a_damaged_document_among_many_is_named(folder: Path) -> None:
    (folder / "group-keys.json").mkdir()
    (folder / "group-keys.json" / "2027.json").write_text("{}", "utf-8")
    with pytest.raises(PasserelleError) as caught:
        pinned_keys(settings(folder))
    assert caught.value.code == "group_key_invalid"
    assert caught.value.detail.startswith("2027.json: ")


def test_an_unknown_tier_is_refused(folder: Path) -> None:
    with pytest.raises(PasserelleError, match="config_invalid"):
        build_preparation(settings(folder, tiers=("everything",)))


def test_the_protocol_names_what_tokens_depend_on(folder: Path) -> None:
    assert str(token_protocol(settings(folder, epoch=3))) == "norm/1 keys/1 ter 3"
