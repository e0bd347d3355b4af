"""What `hub init` makes, and that it keeps what is there."""

from __future__ import annotations

import stat
from pathlib import Path

from parties import HUB

from passerelle.certificate import Usage
from passerelle.clock import ManualClock
from passerelle.csr import read_request
from passerelle.keyfile import KeyKind, read_key
from passerelle.manifest import read_manifest
from passerelle.sign import SigningKey
from passerelle_hub.enrol import KeyFiles, enrol


def files(folder: Path) -> KeyFiles:
    keys = folder / "keys"
    return KeyFiles(keys / "signing.key", keys / "manifest.key", keys / "pepper.key", keys / "leaf-key.pem")


def test_keys_are_private_and_the_manifest_names_the_signing_key(tmp_path: Path) -> None:
    clock, keys = ManualClock(), files(tmp_path)
    made = enrol(HUB, keys, clock)
    for file in (keys.signing, keys.manifest, keys.pepper, keys.tls):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    signing = SigningKey(read_key(keys.signing, KeyKind.SIGNING))
    manifest = read_manifest(made.manifest.read_bytes(), HUB.agency)
    assert manifest.signing_key(signing.public.key_id, clock.now()) == signing.public
    request = read_request(made.request.read_bytes())
    assert (request.identity, request.usage) == (HUB, Usage.SERVER)


def test_a_second_time_changes_no_key(tmp_path: Path) -> None:
    clock, keys = ManualClock(), files(tmp_path)
    enrol(HUB, keys, clock)
    kept = (keys.signing, keys.manifest, keys.pepper, keys.tls, tmp_path / "keys" / "manifest.signed")
    before = [file.read_bytes() for file in kept]
    clock.advance(1)
    enrol(HUB, keys, clock)
    assert [file.read_bytes() for file in kept] == before
