"""Key files: private files (`passerelle.privatefile`) that say what they hold, sealed by a passphrase or not.

Rules
-----
1. A key of ours carries its kind as text, so that a sealing key is not taken for a signing key.
2. Where a passphrase is there (`passerelle.passphrase`), new keys are sealed under it: scrypt
   (n = 2^15, r = 8, p = 1) and AES-256-GCM, the first line being associated data. Keys that lie open are
   still read; `passerelle seal-keys` seals them. Without the passphrase a sealed key is refused.
3. A document that is secret (a trustee's shares) lies open as it is, or sealed in the same frame.

| fault | left behind | what the caller sees |
|---|---|---|
| crash before the link | a `.tmp` file, mode 0600 | no key; writing again works |
| crash after the link | the whole key under its name | `key_file_exists`; the key is good |
| disk full, write error | nothing | `OSError` |
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from passerelle.errors import PasserelleError
from passerelle.passphrase import passphrase
from passerelle.privatefile import MAX_BYTES, read_private, write_durably, write_private
from passerelle.secrets import wipe

__all__ = [
    "MAX_BYTES", "KeyKind", "read_key", "read_private", "seal_key", "write_durably", "write_key",
    "write_private",
]  # fmt: skip

_MAGIC: Final = "passerelle-key"
_SEALED: Final = "passerelle-key-sealed"
_SALT, _NONCE = 16, 12
MAX_KEY: Final = 8 * 1024 * 1024
"""Some thousand shares, sealed."""


class KeyKind(StrEnum):
    """What a key file of ours holds, as its first line names it."""

    SIGNING = "signing/1"
    SEALING = "sealing/1"
    VAULT = "vault/1"
    PEPPER = "pepper/1"
    LOCAL = "local/1"
    SHARES = "shares/1"
    DEALING = "dealing/1"


def write_key(path: Path, kind: KeyKind, secret: bytes, *, replace: bool = False) -> None:
    """Write one of our own keys (rule 2).

    Raises:
        PasserelleError: `key_file_exists`, what reading the passphrase raises.
        OSError: as `write_durably`.
    """
    phrase = passphrase()
    head = f"{_SEALED if phrase else _MAGIC} {kind.value}"
    body = _seal(secret, head, phrase) if phrase else secret
    write_private(path, f"{head}\n{base64.b64encode(body).decode()}\n".encode("ascii"), replace=replace)


def read_key(path: Path, kind: KeyKind, phrase: str = "") -> bytes:
    """The secret in a file of `write_key`, which opens with `phrase` or else with this process's passphrase.

    Raises:
        PasserelleError: as `read_private`; `key_file_malformed`, also for a key of another kind;
            `passphrase_missing`, `passphrase_wrong`, what reading the passphrase raises.
    """
    try:
        head, body, rest = read_private(path, MAX_KEY).decode("ascii").split("\n")
        secret = base64.b64decode(body, validate=True)
    except (ValueError, binascii.Error) as error:
        raise PasserelleError("key_file_malformed", path.name) from error
    if head not in (f"{_MAGIC} {kind.value}", f"{_SEALED} {kind.value}") or rest:
        raise PasserelleError("key_file_malformed", f"{path.name}: {kind.value} expected")
    return _open(secret, head, path.name, phrase or passphrase()) if head.startswith(_SEALED) else secret


def write_document(path: Path, kind: KeyKind, content: bytes) -> None:
    """Write a secret document, sealed where a passphrase is there (rule 3); never overwritten.

    Raises:
        PasserelleError: as `write_key`.
        OSError: as `write_durably`.
    """
    if passphrase():
        write_key(path, kind, content)
    else:
        write_private(path, content)


def read_document(path: Path, kind: KeyKind) -> bytes:
    """The content of a file of `write_document`.

    Raises:
        PasserelleError: as `read_key`.
    """
    content = read_private(path, MAX_KEY)
    return read_key(path, kind) if content.startswith(f"{_SEALED} ".encode()) else content


def obtain_secret(path: Path, kind: KeyKind, generate: Callable[[], bytes]) -> bytes:
    """The secret in a key file, which is made first where there is none; an existing one stays as it is.

    Raises:
        PasserelleError: as `read_key`.
        OSError: as `write_durably`.
    """
    if not path.exists():
        write_key(path, kind, generate())
    return read_key(path, kind)


def seal_key(path: Path, before: str = "", document: KeyKind | None = None) -> bool:
    """Seal a key file under this process's passphrase, in place; False where it is sealed already.

    Args:
        path: a file that lies open, or that is sealed under `before`.
        before: what a sealed file opens with until now; without it, sealed files stay as they are.
        document: what the file holds where it is no key but a document that lies open.

    Raises:
        PasserelleError: as `read_key`.
    """
    content = read_private(path, MAX_KEY)
    magic, _, kind = content.partition(b"\n")[0].decode("ascii", "replace").partition(" ")
    if magic == _SEALED and not before:
        return False
    if not passphrase():
        raise PasserelleError("passphrase_missing", path.name)
    if document is not None and magic != _SEALED:
        write_key(path, document, content, replace=True)
        return True
    if magic not in {_MAGIC, _SEALED} or kind not in set(KeyKind):
        raise PasserelleError("key_file_malformed", f"{path.name}: none of our keys")
    if magic == _SEALED and _opens(path, KeyKind(kind)):
        return False
    write_key(path, KeyKind(kind), read_key(path, KeyKind(kind), before), replace=True)
    return True


def _opens(path: Path, kind: KeyKind) -> bool:
    try:
        read_key(path, kind)
    except PasserelleError:
        return False
    return True


def _seal(secret: bytes, head: str, phrase: str) -> bytes:
    salt, nonce = secrets.token_bytes(_SALT), secrets.token_bytes(_NONCE)
    key = _derive(salt, phrase)
    try:
        return salt + nonce + AESGCM(key).encrypt(nonce, secret, head.encode("ascii"))
    finally:
        wipe(key)


def _open(sealed: bytes, head: str, name: str, phrase: str) -> bytes:
    if not phrase:
        raise PasserelleError("passphrase_missing", name)
    salt, nonce, body = sealed[:_SALT], sealed[_SALT : _SALT + _NONCE], sealed[_SALT + _NONCE :]
    key = _derive(salt, phrase)
    try:
        return AESGCM(key).decrypt(nonce, body, head.encode("ascii"))
    except (InvalidTag, ValueError) as error:
        raise PasserelleError("passphrase_wrong", name) from error
    finally:
        wipe(key)


def _derive(salt: bytes, phrase: str) -> bytearray:
    key = bytearray(32)
    Scrypt(salt=salt, length=len(key), n=2**15, r=8, p=1).derive_into(phrase.encode("utf-8"), key)
    return key
