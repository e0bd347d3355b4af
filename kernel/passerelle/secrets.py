"""Passphrases and PINs: from a private file or a systemd credential, never from a command line.

Rules
-----
1. A secret text comes from the file that the configuration names (mode 0600), or else from the credential of
   a fixed name below `$CREDENTIALS_DIRECTORY`, which systemd gives to one service alone (LoadCredential=,
   SetCredentialEncrypted=).
2. One trailing newline is not part of it; an empty secret is refused.
3. `wipe` overwrites what Python lets us overwrite (byte arrays). Texts and bytes of the language cannot be
   wiped, and libraries make copies: a process that held a key is trusted until it ends.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from passerelle.errors import PasserelleError
from passerelle.privatefile import CREDENTIALS, read_private

MAX_SECRET: Final = 4096


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


def wipe(secret: bytearray) -> None:
    """Overwrite a secret in memory (rule 3)."""
    for at in range(len(secret)):
        secret[at] = 0
