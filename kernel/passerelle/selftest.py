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
from passerelle.sign import SigningKey, sign, verify

Probe = tuple[str, Callable[[], None]]
_TYPE: Final = "application/vnd.passerelle.selftest"


def _signatures() -> None:
    """Sign, verify, and see a changed payload refused."""
    key = SigningKey.generate()
    signed = sign(key, _TYPE, b"probe")
    verify(signed, key.public, _TYPE)
    try:
        verify(replace(signed, payload=b"other"), key.public, _TYPE)
    except PasserelleError:
        return
    raise ValueError("a changed payload verified")


def _sealing() -> None:
    """Seal and open."""
    key = SealingKey.generate()
    info = SealLabel("selftest", b"probe", "selftest", Purpose.NOTE).info(key.public.key_id)
    if open_sealed(key, info, seal(key.public, info, b"probe")) != b"probe":
        raise ValueError("sealed bytes came back changed")


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
            probe()
        except (UnsupportedAlgorithm, AttributeError, ValueError, PasserelleError) as error:
            detail = f"{name}: {type(error).__name__}, {backend.openssl_version_text()}"
            raise PasserelleError("crypto_unsupported", detail) from error
