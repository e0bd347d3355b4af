"""`passerelle token-passphrase`: a passphrase for key files that only a PKCS#11 token opens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from passerelle.errors import PasserelleError
from passerelle.passphrase import PASSPHRASE_FILE, passphrase, read_passphrase, wrap_passphrase
from passerelle.token import TokenKey


def token_passphrase(
    file: Path,
    /,
    *,
    module: Path,
    device: str,
    label: str = "passerelle-passphrase",
    pin_file: Path | None = None,
    present: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Draw a passphrase and wrap it to a key that is made in a token and cannot leave it.

    Args:
        file: what to write, mode 0600; afterwards `PASSERELLE_PASSPHRASE_FILE` names it.
        module: the token's PKCS#11 module, a shared library.
        device: the token's label.
        label: the label of its AES key, which is made where the token has none.
        pin_file: the token's PIN, mode 0600; otherwise the systemd credential passerelle-token-pin.
        present: wrap the passphrase in force instead of drawing one, for a second token kept as a spare.
    """
    phrase = passphrase() if present else ""
    if present and not phrase:
        raise PasserelleError("passphrase_missing", "--present")
    pin = pin_file.absolute() if pin_file else None
    wrap_passphrase(file, TokenKey(module.absolute(), device, label, pin), phrase)
    read_passphrase(file)
    print(f"{file}: opens with key {label} of token {device}")
    if not present:
        print(f"next: set {PASSPHRASE_FILE} to it, and `passerelle seal-keys [--sealed-by OLD] FILES`")
