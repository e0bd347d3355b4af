"""Rotation of the keys in a manifest: a chain without forks, in use when published, warned of in time."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from connector_kit import make_root
from parties import HUB, entry_of

from passerelle.clock import DAY, ManualClock
from passerelle.codec.signed import decode_signed, encode_signed
from passerelle.errors import PasserelleError
from passerelle.federation import Federation
from passerelle.identity import Identity, Role
from passerelle.manifest import read_manifest, verify_successor
from passerelle.manifest_files import last_manifest
from passerelle.registry_entry import sign_entry
from passerelle.rotation import Announce, Rotation
from passerelle.sign import Signed, SigningKey
from passerelle_connector.enrol import SEALING_LIFETIME, enrol
from passerelle_connector.keyring import load_keys
from passerelle_connector.peers import Peers
from passerelle_connector.rotate import endings, rotate
from passerelle_connector.signer import OwnKeys

POLICE = Identity("police.example", Role.CONNECTOR, "police")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def keys(tmp_path: Path, clock: ManualClock) -> Path:
    enrol(POLICE, tmp_path / "keys", tmp_path / "keys" / "leaf-key.pem", clock)
    return tmp_path / "keys"


def test_successors_form_a_chain(keys: Path, clock: ManualClock) -> None:
    known = last_manifest(keys, "police")
    for sequence in (2, 3):
        clock.advance(30 * DAY)
        made = rotate(POLICE, keys, clock)
        assert made.name == f"manifest-{sequence}.signed"
        known = verify_successor(decode_signed(made.read_bytes()), known)
    assert known.sequence == 3
    assert len(known.signing_keys) == 3
    assert known.current_sealing_key(clock.now()).key_id in load_keys(keys).sealing
    assert len(load_keys(keys).sealing) == 3


def test_what_has_ended_leaves_the_manifest_and_stays_in_the_folder(keys: Path, clock: ManualClock) -> None:
    clock.advance(SEALING_LIFETIME)
    made = read_manifest(rotate(POLICE, keys, clock).read_bytes(), "police")
    assert (len(made.sealing_keys), len(made.signing_keys)) == (1, 2)
    assert len(load_keys(keys).sealing) == 2


def test_a_crash_before_the_manifest_makes_no_further_keys(keys: Path, clock: ManualClock) -> None:
    made = rotate(POLICE, keys, clock)
    made.unlink()
    (keys / "sealing-2.key").unlink()
    again = read_manifest(rotate(POLICE, keys, clock).read_bytes(), "police")
    assert again.sequence == 2
    assert sorted(path.name for path in keys.glob("s*.key")) == [
        "sealing-1.key",
        "sealing-2.key",
        "signing-1.key",
        "signing-2.key",
    ]


def test_without_a_first_manifest_nothing_is_made(keys: Path, clock: ManualClock) -> None:
    (keys / "manifest.signed").unlink()
    with pytest.raises(PasserelleError, match="manifest_malformed"):
        rotate(POLICE, keys, clock)
    assert not (keys / "signing-2.key").exists()


@pytest.mark.parametrize(
    ("days", "expected"), [(31, ()), (33, (30,)), (50, (14,)), (56, (7,)), (61, (1,)), (70, (1,))]
)
def test_status_warns_before_the_sealing_key_ends(
    keys: Path, clock: ManualClock, days: int, expected: tuple[int, ...]
) -> None:
    found = endings(last_manifest(keys, "police"), clock.now() + days * DAY)
    assert tuple(ending.threshold for ending in found) == expected
    assert all(ending.kind == "sealing" for ending in found)


def test_a_rotation_ends_the_warning(keys: Path, clock: ManualClock) -> None:
    clock.advance(60 * DAY)
    rotate(POLICE, keys, clock)
    assert endings(last_manifest(keys, "police"), clock.now()) == ()


def test_the_new_key_signs_once_it_is_published(keys: Path, clock: ManualClock) -> None:
    """In a connector that runs on: entries come from the hub, the keys from another process."""
    registry, root = SigningKey.generate(), make_root()
    peers = Peers(Federation(POLICE.trust_domain, root), registry.public, HUB.agency)
    own = OwnKeys("police", keys, load_keys(keys), peers, clock)
    old = own.signing()
    first = (keys / "manifest.signed").read_bytes()
    peers.accept([sign_entry(registry, entry_of(POLICE, root, first, clock.now()))])
    assert own.signing() == old

    clock.advance(30 * DAY)
    made = rotate(POLICE, keys, clock)
    sealing_id = last_manifest(keys, "police").current_sealing_key(clock.now()).key_id
    restarted = OwnKeys("police", keys, load_keys(keys), peers, clock)
    assert own.signing() == restarted.signing() == old

    peers.accept([sign_entry(registry, entry_of(POLICE, root, made.read_bytes(), 1, revision=2))])
    assert own.signing() == restarted.signing() == load_keys(keys).signing != old
    assert own.sealing.get(sealing_id) is not None
    assert own.sealing.get(bytes(32)) is None
    assert set(own.sealing) == set(load_keys(keys).sealing)
    assert len(own.sealing) == 2


def test_a_sealing_key_made_meanwhile_opens(keys: Path, clock: ManualClock) -> None:
    peers = Peers(Federation(POLICE.trust_domain, make_root()), SigningKey.generate().public, HUB.agency)
    own = OwnKeys("police", keys, load_keys(keys), peers, clock)
    rotate(POLICE, keys, clock)
    sealing_id = last_manifest(keys, "police").current_sealing_key(clock.now()).key_id
    assert own.sealing[sealing_id].public.key_id == sealing_id
    (keys / "local.key").unlink()
    assert own.sealing.get(bytes(32)) is None
    assert own.ring.sealing[sealing_id]


def job_of(keys: Path, peers: Peers, clock: ManualClock, announce: Announce | None = None) -> Rotation:
    published, make = partial(peers.manifest, "police"), partial(rotate, POLICE, keys, clock)
    return Rotation("police", keys, published, make, clock, 30, announce)


def test_the_job_rotates_monthly_and_waits_for_the_registry(keys: Path, clock: ManualClock) -> None:
    registry, roots = SigningKey.generate(), make_root()
    peers = Peers(Federation("police.example", roots), registry.public, HUB.agency)

    def publish(manifest: Path, revision: int) -> None:
        entry = entry_of(POLICE, roots, manifest.read_bytes(), clock.now(), revision=revision)
        peers.accept([sign_entry(registry, entry)])

    job = job_of(keys, peers, clock)
    clock.advance(31 * DAY)
    assert job.look() is None  # the first manifest is not published
    publish(keys / "manifest.signed", 1)
    made = job.look()
    assert made is not None
    assert made.name == "manifest-2.signed"
    assert job.look() is None
    clock.advance(31 * DAY)
    assert job.look() is None  # the second one waits for the registry
    publish(made, 2)
    assert job.look() == keys / "manifest-3.signed"


async def test_what_is_not_published_is_announced_until_it_is(keys: Path, clock: ManualClock) -> None:
    registry, roots = SigningKey.generate(), make_root()
    peers = Peers(Federation("police.example", roots), registry.public, HUB.agency)
    told: list[bytes] = []
    away = True

    async def announce(signed: Signed) -> int:
        if away:
            raise PasserelleError("peer_unavailable", "made to fail by a test")
        told.append(encode_signed(signed))
        return 2

    first = (keys / "manifest.signed").read_bytes()
    peers.accept([sign_entry(registry, entry_of(POLICE, roots, first, clock.now()))])
    job = job_of(keys, peers, clock, announce=announce)
    assert await job.tell() == 0  # the first one comes by enrolment
    clock.advance(31 * DAY)
    made = job.look()
    assert made is not None
    assert await job.tell() == 0
    away = False
    assert await job.tell() == 2
    assert told == [made.read_bytes()]
    peers.accept([sign_entry(registry, entry_of(POLICE, roots, told[0], clock.now(), revision=2))])
    assert await job.tell() == 0
    assert await job_of(keys, peers, clock).tell() == 0
