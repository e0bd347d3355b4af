"""Sessions with a PKCS#11 token: hardware, or software that stands for it, that never shows its keys.

Rules
-----
1. The PIN comes from a private file or from the credential `passerelle-token-pin` (`passerelle.secrets`).
2. A PIN that the token refused is not tried again by this process: three tries lock most tokens, and a
   service asks again by itself.
3. A login holds for the process, and logging out ends it for every session. One call at a time therefore logs
   in, works and logs out, unless this process keeps a session of that token (an authority's issuer does).

The binding (python-pkcs11) is an extra, `passerelle-kernel[pkcs11]`; without it `token_unavailable` says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final

from passerelle.errors import PasserelleError
from passerelle.secrets import secret_text

PIN_CREDENTIAL: Final = "passerelle-token-pin"
_PINS: Final = ("PinIncorrect", "PinInvalid", "PinLenRange", "PinExpired", "PinLocked")
_lock: Final = Lock()
_kept: Final[set[tuple[Path, str]]] = set()
_refused: Final[set[tuple[Path, str, bytes]]] = set()


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key inside a PKCS#11 token: the module (a shared library), the labels of token and key, the PIN.

    Without `pin_file` the PIN is the systemd credential.
    """

    module: Path
    token: str
    label: str
    pin_file: Path | None = None


def binding() -> Any:
    """The module `pkcs11`.

    Raises:
        PasserelleError: `token_unavailable`.
    """
    try:
        import pkcs11  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise PasserelleError("token_unavailable", "install passerelle-kernel[pkcs11]") from error
    return pkcs11


def keep_session(where: TokenKey) -> Any:
    """A session that is logged in and stays open for as long as the process runs.

    Raises:
        PasserelleError: `token_unavailable`, `token_pin_refused`, what reading the PIN raises.
    """
    with _lock:
        session = _open(where, write=True)
        _kept.add((where.module, where.token))
        return session


@contextmanager
def session_of(where: TokenKey, *, write: bool = False) -> Generator[Any]:
    """A session that is logged in, for the block alone (rule 3).

    Raises:
        PasserelleError: as `keep_session`; `token_unavailable` also for what the token refuses inside.
    """
    with _lock:
        session = _open(where, write=write)
        try:
            try:
                yield session
            finally:
                session.close()
        except RuntimeError as error:  # what the binding raises, also where the token was pulled out
            raise PasserelleError("token_unavailable", f"{where.label}: {type(error).__name__}") from error


def _open(where: TokenKey, *, write: bool) -> Any:
    pkcs11 = binding()
    pin = secret_text(where.pin_file, PIN_CREDENTIAL)
    tried = (where.module, where.token, hashlib.sha256(pin.encode("utf-8")).digest())
    if tried in _refused:
        raise PasserelleError("token_pin_refused", f"{where.token}: refused before, not tried again")
    try:
        token = pkcs11.lib(str(where.module)).get_token(token_label=where.token)
        if (where.module, where.token) in _kept:
            return token.open(rw=write)
        try:
            return token.open(rw=write, user_pin=pin)
        except pkcs11.UserAlreadyLoggedIn:
            return token.open(rw=write)
    except (RuntimeError, OSError) as error:
        name = type(error).__name__
        if name in _PINS:
            _refused.add(tried)
            raise PasserelleError("token_pin_refused", f"{where.token}: {name}") from error
        raise PasserelleError("token_unavailable", f"{where.token}: {name}") from error
