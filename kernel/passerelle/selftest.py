"""Self-test of the cryptography, for the start of every role and for `doctor`.

The hybrid algorithms need the OpenSSL that comes with the wheel of `cryptography`. A build against an older
one imports without complaint and fails at the first signature; this test fails at once instead, and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.backends.openssl.backend import backend

from passerelle.errors import PasserelleError
from passerelle.seal import Purpose, SealingKey, SealLabel, open_sealed, seal
from passerelle.sign import Signed, SigningKey, VerifyingKey, sign, verify

Probe = tuple[str, Callable[[], bool]]
_TYPE: Final = "application/vnd.passerelle.selftest"


def _signatures() -> bool:
    """Sign; the payload must verify and a changed one must not."""
    key = SigningKey.generate()
    signed = sign(key, _TYPE, b"probe")
    changed = replace(signed, payload=b"other")
    return (_refusal(signed, key.public), _refusal(changed, key.public)) == ("", "signature_invalid")


def _refusal(signed: Signed, key: VerifyingKey) -> str:
    try:
        verify(signed, key, _TYPE)
    except PasserelleError as error:
        return error.code
    return ""


def _sealing() -> bool:
    """Seal and open."""
    key = SealingKey.generate()
    info = SealLabel("selftest", b"probe", "selftest", Purpose.NOTE).info(key.public.key_id)
    return open_sealed(key, info, seal(key.public, info, b"probe")) == b"probe"


PROBES: Final[tuple[Probe, ...]] = (
    ("Ed25519 and ML-DSA-65", _signatures),
    ("HPKE with MLKEM768-X25519", _sealing),
)


def selftest(probes: Sequence[Probe] = PROBES) -> None:
    """Run each probe once (about 5 ms in all).

    Raises:
        PasserelleError: `crypto_unsupported`; the detail names the probe and the version of OpenSSL.
    """
    for name, probe in probes:
        try:
            passed, fault = probe(), "wrong result"
        except (UnsupportedAlgorithm, AttributeError, ValueError, PasserelleError) as error:
            passed, fault = False, type(error).__name__
        if not passed:
            detail = f"{name}: {fault}, {backend.openssl_version_text()}"
            raise PasserelleError("crypto_unsupported", detail)
