"""A trustee's manifest gets a new sealing key each month; what was sealed to older ones is still opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from passerelle.clock import DAY, ManualClock
from passerelle.identity import Identity, Role
from passerelle.keyfile import KeyKind, read_key
from passerelle.manifest_files import last_manifest
from passerelle.reissue import LIFETIME, reissue, sealing_files
from passerelle.seal import SealingKey
from passerelle_trustee.compose import own_keys
from passerelle_trustee.config import TrusteeSettings
from passerelle_trustee.enrol import KeyFiles, enrol

ME = Identity("trustee-1.example", Role.TRUSTEE, "oversight")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def settings(tmp_path: Path, clock: ManualClock) -> TrusteeSettings:
    made = TrusteeSettings(base=tmp_path, identity=str(ME))
    path = made.path
    files = KeyFiles(
        path(made.keys.signing), path(made.keys.sealing), path(made.keys.manifest),
        path(made.tls.key), path(made.client.key),
    )  # fmt: skip
    enrol(ME, files, clock)
    return made


def again(settings: TrusteeSettings, clock: ManualClock) -> Path:
    keys = settings.keys
    return reissue(ME.agency, settings.path(keys.manifest), clock, settings.path(keys.sealing))


def test_a_new_sealing_key_a_month_and_the_old_ones_still_open(
    settings: TrusteeSettings, clock: ManualClock
) -> None:
    keys, seen = settings.path(settings.keys.manifest).parent, set[bytes]()
    for month in range(1, 15):
        seen.add(last_manifest(keys, ME.agency).current_sealing_key(clock.now()).key_id)
        clock.advance(31 * DAY)
        assert again(settings, clock).name == f"manifest-{month + 1}.signed"
    last = last_manifest(keys, ME.agency)
    assert last.current_sealing_key(clock.now()).key_id not in seen
    assert len(seen) == 14
    assert seen < own_keys(settings).sealing.keys()
    assert all(entry.valid_until > clock.now() for entry in last.sealing_keys)
    assert len(last.sealing_keys) == LIFETIME // (31 * DAY) + 1
    (signs,) = last.signing_keys
    assert signs.key == own_keys(settings).signing.public
    assert signs.valid_until == clock.now() + LIFETIME


def test_a_key_made_before_a_crash_is_the_next_one(settings: TrusteeSettings, clock: ManualClock) -> None:
    clock.advance(31 * DAY)
    first = settings.path(settings.keys.sealing)
    again(settings, clock).unlink()  # as if it had not been written
    made = sealing_files(first)
    again(settings, clock)
    assert sealing_files(first) == made
    newest = SealingKey(read_key(made[-1], KeyKind.SEALING)).public
    manifest = last_manifest(first.parent, ME.agency)
    assert manifest.current_sealing_key(clock.now()).key_id == newest.key_id
