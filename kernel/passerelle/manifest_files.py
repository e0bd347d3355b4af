"""The manifests of a party in the folder of its own keys: the first, and successors by number.

A file that is there is never replaced: two different successors of one manifest are proof of an incident
(`passerelle.manifest`, rule 2).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from passerelle.codec.signed import encode_signed
from passerelle.entry_files import naming
from passerelle.errors import PasserelleError
from passerelle.keyfile import write_durably
from passerelle.manifest import KeyManifest, issue, read_manifest
from passerelle.sign import SigningKey

FIRST: Final = "manifest.signed"
_SUCCESSOR: Final = re.compile(r"manifest-([1-9][0-9]*)\.signed")
_PUBLIC_MODE: Final = 0o644


def manifest_file(keys: Path, sequence: int) -> Path:
    """Where a manifest after the first lies."""
    return keys / f"manifest-{sequence}.signed"


def last_manifest(keys: Path, agency: str) -> KeyManifest:
    """The newest manifest in the folder of our own keys, which is trusted as its keys are.

    Raises:
        PasserelleError: `manifest_malformed`, what `passerelle.manifest.read_manifest` raises.
    """
    found = ((_SUCCESSOR.fullmatch(path.name), path) for path in keys.glob("manifest-*.signed"))
    numbered = {int(match[1]): path for match, path in found if match is not None}
    file = numbered[max(numbered)] if numbered else keys / FIRST
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise PasserelleError("manifest_malformed", f"{file.name}: {type(error).__name__}") from error
    with naming(file):
        return read_manifest(raw, agency)


def write_successor(keys: Path, manifest_key: SigningKey, successor: KeyManifest) -> Path:
    """Sign a successor and write it, whole, under its number; returns its file.

    Raises:
        PasserelleError: `key_file_exists`, `manifest_wrong_key`.
        OSError: the folder is full or read-only.
    """
    file = manifest_file(keys, successor.sequence)
    write_durably(file, encode_signed(issue(manifest_key, successor)), mode=_PUBLIC_MODE)
    return file
