"""`passerelle seal-keys`: key files that lie open are sealed under the passphrase of this machine."""

from __future__ import annotations

from pathlib import Path

from passerelle.csr import ENCRYPTED, load_key, stored_pem
from passerelle.errors import PasserelleError
from passerelle.keyfile import read_private, seal_key, write_private
from passerelle.secrets import passphrase


def seal_keys(*files: Path) -> None:
    """Seal key files in place; the passphrase comes from $PASSERELLE_PASSPHRASE_FILE or a systemd credential.

    Args:
        files: files ending in `.key`, or private keys in PEM.
    """
    for file in files:
        done = _seal_pem(file) if file.suffix == ".pem" else seal_key(file)
        print(f"{file}: {'sealed' if done else 'was sealed before'}")  # noqa: T201 - a command prints


def _seal_pem(file: Path) -> bool:
    pem = read_private(file)
    if ENCRYPTED in pem:
        return False
    if not passphrase():
        raise PasserelleError("passphrase_missing", file.name)
    write_private(file, stored_pem(load_key(pem)), replace=True)
    return True
