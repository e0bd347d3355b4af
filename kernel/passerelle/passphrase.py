"""The passphrase of a process's key files: in a private file, a systemd credential, or wrapped for a token.

Rules
-----
1. It comes from the file that `$PASSERELLE_PASSPHRASE_FILE` names, or from the credential
   `passerelle-passphrase`. The environment names a place and never holds the secret: it is inherited, and
   shown in `/proc`.
2. Where the content begins with the line `passerelle-passphrase-token/1`, it is no passphrase but says in
   TOML which token unwraps it: module, labels of token and key, where the PIN is. `wrapped` is the nonce and
   what AES-256-GCM made of the passphrase under a key that was made in the token and cannot leave it; first
   line and labels are bound in. A copy of the disk, PIN and all, opens nothing without the token.
3. The token is asked for each key file that is opened, and nothing is remembered: when it is gone, no file
   opens. A process that opened its keys before holds them until it ends.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import tomllib
from pathlib import Path
from typing import Any, Final

from passerelle.errors import PasserelleError
from passerelle.privatefile import CREDENTIALS, write_private
from passerelle.secrets import secret_text
from passerelle.token import TokenKey, binding, session_of

PASSPHRASE_FILE: Final = "PASSERELLE_PASSPHRASE_FILE"  # noqa: S105 - names a place
PASSPHRASE_CREDENTIAL: Final = "passerelle-passphrase"  # noqa: S105 - as above
_MAGIC: Final = "passerelle-passphrase-token/1"
_NONCE, _TAG, _DRAWN = 12, 16, 32


def passphrase() -> str:
    """The passphrase of this process's key files (rule 1); empty where none is set up.

    Raises:
        PasserelleError: as `read_passphrase`, where a place is named.
    """
    named = os.environ.get(PASSPHRASE_FILE)
    if named:
        return read_passphrase(Path(named))
    folder = os.environ.get(CREDENTIALS, "")
    place = Path(folder) / PASSPHRASE_CREDENTIAL
    return read_passphrase(place) if folder and place.exists() else ""


def read_passphrase(file: Path) -> str:
    """The passphrase in a file, unwrapped by the token that the file names (rule 2).

    Raises:
        PasserelleError: `secret_missing`, `passphrase_wrap_invalid`, `token_unavailable`,
            `token_pin_refused`, what reading a private file raises.
    """
    text = secret_text(file, PASSPHRASE_CREDENTIAL)
    head, _, rest = text.partition("\n")
    return _unwrapped(file, rest) if head == _MAGIC else text


def wrap_passphrase(file: Path, where: TokenKey, phrase: str = "") -> None:
    """Write a file that only the token opens (rule 2); the key is made where it has none of that label.

    Args:
        file: never overwritten.
        where: the token, and the label of the key.
        phrase: what to wrap; empty to draw one.

    Raises:
        PasserelleError: `key_file_exists`, `token_unavailable`, `token_pin_refused`, what reading the PIN
            raises.
        OSError: the folder is missing, full or read-only.
    """
    if file.exists():
        raise PasserelleError("key_file_exists", file.name)
    nonce, plain = secrets.token_bytes(_NONCE), (phrase or secrets.token_urlsafe(_DRAWN)).encode("utf-8")
    with session_of(where, write=True) as session:
        key = _found(session, where) or _made(session, where)
        sealed: bytes = key.encrypt(plain, **_gcm(nonce, where))
    fields = {"module": str(where.module), "token": where.token, "label": where.label}
    if where.pin_file is not None:
        fields["pin_file"] = str(where.pin_file)
    fields["wrapped"] = base64.b64encode(nonce + sealed).decode("ascii")
    lines = [_MAGIC, *(f"{name} = {json.dumps(value)}" for name, value in fields.items())]
    write_private(file, ("\n".join(lines) + "\n").encode("utf-8"))


def _unwrapped(file: Path, text: str) -> str:
    where, sealed = _described(file, text)
    with session_of(where) as session:
        key = _found(session, where)
        if key is None:
            raise PasserelleError("token_unavailable", f"{where.token}: no key {where.label}")
        try:
            plain: bytes = key.decrypt(sealed[_NONCE:], **_gcm(sealed[:_NONCE], where))
        except binding().PKCS11Error as error:
            raise PasserelleError(
                "passphrase_wrap_invalid", f"{file.name}: {type(error).__name__}"
            ) from error
    return plain.decode("utf-8")


def _described(file: Path, text: str) -> tuple[TokenKey, bytes]:
    try:
        fields: dict[str, Any] = tomllib.loads(text)
        wrapped, pin = base64.b64decode(fields.pop("wrapped"), validate=True), fields.pop("pin_file", None)
        names = {name: fields.pop(name) for name in ("module", "token", "label")}
    except (ValueError, KeyError, TypeError) as error:
        raise PasserelleError("passphrase_wrap_invalid", f"{file.name}: {type(error).__name__}") from error
    texts = (*names.values(), *([] if pin is None else [pin]))
    if fields or not all(isinstance(value, str) for value in texts) or len(wrapped) <= _NONCE + _TAG:
        raise PasserelleError("passphrase_wrap_invalid", f"{file.name}: other fields than those of its form")
    base = file.absolute().parent
    pin_file = base / pin if pin else None
    return TokenKey(base / names["module"], names["token"], names["label"], pin_file), wrapped


def _gcm(nonce: bytes, where: TokenKey) -> dict[str, Any]:
    pkcs11 = binding()
    bound = json.dumps([_MAGIC, where.token, where.label]).encode("ascii")
    return {
        "mechanism": pkcs11.Mechanism.AES_GCM,
        "mechanism_param": pkcs11.GCMParams(nonce, bound, _TAG * 8),
    }


def _found(session: Any, where: TokenKey) -> Any:
    pkcs11 = binding()
    try:
        return session.get_key(
            object_class=pkcs11.ObjectClass.SECRET_KEY, key_type=pkcs11.KeyType.AES, label=where.label
        )
    except pkcs11.NoSuchKey:
        return None


def _made(session: Any, where: TokenKey) -> Any:
    pkcs11 = binding()
    names = ("EXTRACTABLE", "WRAP", "UNWRAP", "SIGN", "VERIFY", "DERIVE")
    rights = {pkcs11.Attribute[name]: False for name in names}
    rights |= {pkcs11.Attribute[name]: True for name in ("SENSITIVE", "PRIVATE", "ENCRYPT", "DECRYPT")}
    return session.generate_key(pkcs11.KeyType.AES, 256, store=True, label=where.label, template=rights)
