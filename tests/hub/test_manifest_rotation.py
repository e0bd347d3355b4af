"""A hub's manifest is replaced monthly, published and logged; counterparts outlive the first one."""

from __future__ import annotations

from pathlib import Path

from hub_kit import HubKit
from parties import HUB

from passerelle.clock import DAY
from passerelle.codec.signed import decode_signed
from passerelle.errors import PasserelleError
from passerelle.federation import Federation
from passerelle.identity import Role
from passerelle.keyfile import KeyKind, write_key
from passerelle.manifest import verify_successor
from passerelle.manifest_files import last_manifest
from passerelle.note import Note
from passerelle.reissue import reissue
from passerelle.rotation import Rotation
from passerelle.sign import Signed
from passerelle_connector.peers import Peers
from passerelle_hub.enrol import KeyFiles, enrol
from passerelle_hub.store import log_store
from passerelle_pki.announce import Announcements
from passerelle_pki.registry import Party, Registry
from passerelle_pki.store import open_database
from passerelle_pki.store.entries import EntryStore

MONTHS = 15


async def test_a_hub_and_its_counterparts_outlive_its_first_manifest(hub: HubKit, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    write_key(keys / "signing.key", KeyKind.SIGNING, hub.core.foundation.signing_key.raw)
    files = KeyFiles(keys / "signing.key", keys / "manifest.key", keys / "pepper.key", keys / "leaf-key.pem")
    first = enrol(HUB, files, hub.clock).manifest.read_bytes()
    registry = Registry(hub.registry_key, EntryStore(open_database(tmp_path / "registry.db")), hub.clock)
    registry.publish(Party(HUB.agency, HUB.trust_domain, (Role.HUB,), "hub", hub.roots, first))
    told = Announcements(registry, hub.clock)
    peers = Peers(Federation("police.example", hub.roots), hub.registry_key.public, HUB.agency)

    async def announce(signed: Signed) -> int:
        return told.take(signed)

    def delivered() -> None:
        peers.accept(registry.signed())
        with hub.core.database.write() as tx:
            for signed in registry.signed():
                hub.core.registry.add(tx, signed)

    def make() -> Path:
        return reissue(HUB.agency, files.manifest, hub.clock)

    delivered()
    job = Rotation(
        HUB.agency, keys, lambda: hub.core.registry.manifest(HUB.agency), make, hub.clock, 30, announce
    )
    assert job.look() is None
    for month in range(MONTHS):
        hub.clock.advance(31 * DAY)
        before = last_manifest(keys, HUB.agency)
        made = job.look()
        assert made is not None
        assert job.look() is None  # it waits to be published
        verify_successor(decode_signed(made.read_bytes()), before)
        assert await job.tell() == month + 2
        delivered()
        hub.beat()
        with hub.core.database.write() as tx:
            hub.core.transparency.checkpoint(tx)
        with hub.core.database.read() as tx:
            stored = log_store.latest_checkpoint(tx)
        assert stored is not None
        assert peers.hub_checkpoint(Note.parse(stored.note), hub.clock.now()).size > 0
        assert peers.manifest(HUB.agency).digest == last_manifest(keys, HUB.agency).digest
    with hub.core.database.read() as tx:
        assert log_store.counts(tx)["manifest.logged"] == MONTHS + 1
    await lapses(hub, peers)


async def lapses(hub: HubKit, peers: Peers) -> None:
    """Without the job the manifest ends: what the test above would not have survived."""
    hub.clock.advance(367 * DAY)
    try:
        peers.manifest(HUB.agency).check_current(hub.clock.now())
    except PasserelleError as error:
        assert error.code == "manifest_expired"
    else:
        raise AssertionError("a manifest for ever")
