"""`passerelle seal-keys`: key files are sealed under the passphrase of this machine.

Files that lie open are sealed; with the passphrase that they were sealed under before, sealed ones go over to
the new one. Each file is replaced whole: after a crash in the middle the same command finishes the rest. The
time of a trustee's shares stays: it tells `doctor` when they were dealt.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from passerelle.csr import ENCRYPTED, load_key, stored_pem
from passerelle.errors import PasserelleError
from passerelle.keyfile import MAX_KEY, KeyKind, read_private, seal_key, write_private
from passerelle.passphrase import passphrase, read_passphrase

_SHARES: Final = b'"passerelle/trustee-shares/'
"""A trustee's shares lie open with this in them; no other document is sealed."""


def seal_keys(file: Path, /, *further: Path, sealed_by: Path | None = None) -> None:
    """Seal key files in place; the passphrase comes from $PASSERELLE_PASSPHRASE_FILE or a systemd credential.

    Args:
        file: a file ending in `.key`, a private key in PEM, or a trustee's `shares.json`.
        further: more of them.
        sealed_by: the file of the passphrase that they were sealed under until now, to seal them anew.
    """
    before = read_passphrase(sealed_by) if sealed_by else ""
    for one in (file, *further):
        done = _seal(one, before)
        print(f"{one}: {'sealed' if done else 'was sealed before'}")  # noqa: T201 - a command prints


def _seal(file: Path, before: str) -> bool:
    if file.suffix == ".pem":
        return _seal_pem(file, before)
    if file.suffix != ".json":
        return seal_key(file, before)
    shares = _SHARES in read_private(file, MAX_KEY)
    dealt = file.stat().st_mtime_ns
    done = seal_key(file, before, KeyKind.SHARES if shares else None)
    os.utime(file, ns=(dealt, dealt))
    return done


def _seal_pem(file: Path, before: str) -> bool:
    pem = read_private(file)
    if ENCRYPTED in pem and not before:
        return False
    if not passphrase():
        raise PasserelleError("passphrase_missing", file.name)
    if ENCRYPTED in pem and _opens(pem):
        return False
    write_private(file, stored_pem(load_key(pem, before)), replace=True)
    return True


def _opens(pem: bytes) -> bool:
    try:
        load_key(pem)
    except PasserelleError:
        return False
    return True
