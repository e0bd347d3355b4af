"""The connector's own keys: files in one folder, mode 0600, made once by `connector init`.

| file | what | if it is lost |
|---|---|---|
| `manifest.key` | signs the agency's key manifests and renews an expired leaf | the agency enrols anew |
| `signing-N.key` | the highest N that is published signs batches | a new one goes into the manifest |
| `sealing-N.key` | opens notifications and grants; old ones still do | what was sealed to it |
| `vault-N.key` | section keys derive from it; the highest N seals | sections of that version |
| `local.key` | secrets of this connector alone: token cache, padding | values are tokenised again |
| `leaf-key.pem` | TLS key; its certificate comes from enrolment | the leaf is renewed |
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from passerelle.errors import PasserelleError
from passerelle.keyfile import KeyKind, read_key, write_key
from passerelle.privatefile import make_folder
from passerelle.seal import SealingKey
from passerelle.sign import SigningKey
from passerelle.vault import VaultKey

MANIFEST: Final = "manifest.key"
LOCAL: Final = "local.key"
_LOCAL_BYTES: Final = 32
_NUMBERED: Final = re.compile(r"(signing|sealing|vault)-([1-9][0-9]*)\.key")


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys a running connector uses.

    `signers` newest first, `vaults` by version, `sealing` by key id (32 bytes).
    """

    signers: tuple[SigningKey, ...] = field(repr=False)
    sealing: Mapping[bytes, SealingKey] = field(repr=False)
    vaults: Mapping[int, VaultKey] = field(repr=False)
    cache_secret: bytes = field(repr=False)
    padding_secret: bytes = field(repr=False)

    @property
    def signing(self) -> SigningKey:
        """The newest signing key."""
        return self.signers[0]

    @property
    def vault(self) -> VaultKey:
        """The newest vault key, which seals."""
        return self.vaults[max(self.vaults)]


def make_keys(folder: Path) -> tuple[SigningKey, SigningKey, SealingKey]:
    """Make every key that is not there yet; returns manifest, newest signing and newest sealing key.

    Raises:
        PasserelleError: what reading an existing key file raises.
    """
    make_folder(folder)
    made: dict[str, tuple[KeyKind, bytes]] = {
        MANIFEST: (KeyKind.SIGNING, SigningKey.generate().raw),
        "signing-1.key": (KeyKind.SIGNING, SigningKey.generate().raw),
        "sealing-1.key": (KeyKind.SEALING, SealingKey.generate().raw),
        "vault-1.key": (KeyKind.VAULT, VaultKey.generate(1).to_bytes()),
        LOCAL: (KeyKind.LOCAL, secrets.token_bytes(_LOCAL_BYTES)),
    }
    for name, (kind, secret) in made.items():
        if not (folder / name).exists():
            write_key(folder / name, kind, secret)
    load_keys(folder)
    return SigningKey(read_key(folder / MANIFEST, KeyKind.SIGNING)), *newest_keys(folder)


def newest_keys(folder: Path) -> tuple[SigningKey, SealingKey]:
    """The signing and the sealing key with the highest number.

    Raises:
        PasserelleError: `key_file_missing`, or what reading a key file raises.
    """
    signing, sealing = _numbered(folder, "signing"), _numbered(folder, "sealing")
    if not (signing and sealing):
        raise PasserelleError("key_file_missing", "no signing or sealing key; run connector init")
    return (
        SigningKey(read_key(signing[max(signing)], KeyKind.SIGNING)),
        SealingKey(read_key(sealing[max(sealing)], KeyKind.SEALING)),
    )


def next_keys(folder: Path, *, signing: bool, sealing: bool) -> tuple[SigningKey, SealingKey]:
    """Make the signing key, the sealing key or both with the next number; returns the newest of each.

    Raises:
        PasserelleError: as `newest_keys`.
        OSError: the folder is full or read-only.
    """
    if signing:
        number = max(_numbered(folder, "signing"), default=0) + 1
        write_key(folder / f"signing-{number}.key", KeyKind.SIGNING, SigningKey.generate().raw)
    if sealing:
        number = max(_numbered(folder, "sealing"), default=0) + 1
        write_key(folder / f"sealing-{number}.key", KeyKind.SEALING, SealingKey.generate().raw)
    return newest_keys(folder)


def load_keys(folder: Path) -> Keyring:
    """Read the keys for running; the manifest key is not among them.

    Raises:
        PasserelleError: `key_file_missing`, or what reading a key file raises.
    """
    signing, sealing, vaults = (_numbered(folder, kind) for kind in ("signing", "sealing", "vault"))
    if not (signing and sealing and vaults):
        raise PasserelleError("key_file_missing", "no signing, sealing or vault key; run connector init")
    opening = [SealingKey(read_key(path, KeyKind.SEALING)) for path in sealing.values()]
    local = read_key(folder / LOCAL, KeyKind.LOCAL)
    return Keyring(
        signers=tuple(
            SigningKey(read_key(signing[number], KeyKind.SIGNING)) for number in sorted(signing, reverse=True)
        ),
        sealing={key.public.key_id: key for key in opening},
        vaults={
            version: VaultKey.from_bytes(read_key(path, KeyKind.VAULT)) for version, path in vaults.items()
        },
        cache_secret=_derived(local, "passerelle/token-cache/1"),
        padding_secret=_derived(local, "passerelle/token-padding/1"),
    )


def _numbered(folder: Path, kind: str) -> dict[int, Path]:
    found = ((_NUMBERED.fullmatch(path.name), path) for path in folder.glob(f"{kind}-*.key"))
    return {int(match[2]): path for match, path in found if match is not None}


def _derived(local: bytes, use: str) -> bytes:
    return hmac.digest(local, use.encode(), hashlib.sha256)
