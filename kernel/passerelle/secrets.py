"""Passphrases and PINs: from a private file or a systemd credential, never from a command line.

Rules
-----
1. A secret text comes from the file that the configuration names (mode 0600), or else from the credential of
   a fixed name below `$CREDENTIALS_DIRECTORY`, which systemd gives to one service alone (LoadCredential=,
   SetCredentialEncrypted=).
2. The passphrase of key files (`passerelle.keyfile`, rule 5) comes from the file that
   `$PASSERELLE_PASSPHRASE_FILE` names, or from the credential `passerelle-passphrase`. The environment names
   a place and never holds the secret: it is inherited, and shown in `/proc`.
3. One trailing newline is not part of it; an empty secret is refused.
4. `wipe` overwrites what Python lets us overwrite (byte arrays). Texts and bytes of the language cannot be
   wiped, and libraries make copies: a process that held a key is trusted until it ends.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from passerelle.errors import PasserelleError
from passerelle.privatefile import CREDENTIALS, read_private

PASSPHRASE_FILE: Final = "PASSERELLE_PASSPHRASE_FILE"  # noqa: S105 - names a place
PASSPHRASE_CREDENTIAL: Final = "passerelle-passphrase"  # noqa: S105 - as above
MAX_SECRET: Final = 1024


def secret_text(file: Path | None, credential: str) -> str:
    """The secret in a private file, or in the systemd credential of that name where no file is named.

    Raises:
        PasserelleError: `secret_missing`, what reading a private file raises.
    """
    folder = os.environ.get(CREDENTIALS, "")
    place = file or (Path(folder) / credential if folder else None)
    if place is None:
        raise PasserelleError("secret_missing", f"neither a file nor the credential {credential}")
    try:
        text = read_private(place, MAX_SECRET).decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError as error:
        raise PasserelleError("secret_missing", f"{place.name}: no text") from error
    if not text:
        raise PasserelleError("secret_missing", f"{place.name}: empty")
    return text


def passphrase() -> str:
    """The passphrase of this process's key files (rule 2); empty where none is set up.

    Raises:
        PasserelleError: as `secret_text`, where a place is named and holds none.
    """
    named = os.environ.get(PASSPHRASE_FILE)
    if named:
        return secret_text(Path(named), PASSPHRASE_CREDENTIAL)
    folder = os.environ.get(CREDENTIALS, "")
    there = folder and (Path(folder) / PASSPHRASE_CREDENTIAL).exists()
    return secret_text(None, PASSPHRASE_CREDENTIAL) if there else ""


def wipe(secret: bytearray) -> None:
    """Overwrite a secret in memory (rule 4)."""
    for at in range(len(secret)):
        secret[at] = 0
