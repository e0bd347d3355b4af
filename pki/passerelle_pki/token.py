"""Keys inside a PKCS#11 token: made there, used there, never outside.

A token signs digests (CKM_ECDSA), so the hash is computed here; what it answers (r and s, one after the
other) is put into the form of X.509. The public key is read from the token once and checked against the
certificate by whoever opens the issuer.

One session for one key (`passerelle.token`), not safe to share between threads: the authority takes one call
at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from passerelle.errors import PasserelleError
from passerelle.token import TokenKey, binding, keep_session

if TYPE_CHECKING:
    from cryptography.hazmat.primitives._serialization import KeySerializationEncryption


class TokenPrivateKey(ec.EllipticCurvePrivateKey):
    """A P-384 private key that stays in its token; takes part wherever `cryptography` signs certificates."""

    def __init__(self, key: Any, public: ec.EllipticCurvePublicKey) -> None:
        self._key = key
        self._public = public

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """Its public half."""
        return self._public

    @property
    def curve(self) -> ec.EllipticCurve:
        """P-384."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """Bits."""
        return self._public.key_size

    def sign(
        self, data: bytes | bytearray | memoryview, signature_algorithm: ec.EllipticCurveSignatureAlgorithm
    ) -> bytes:
        """An ECDSA signature (DER) by the token.

        Raises:
            PasserelleError: `token_unavailable`.
        """
        import pkcs11  # noqa: PLC0415 - an extra

        algorithm = signature_algorithm.algorithm
        if not isinstance(algorithm, hashes.HashAlgorithm):
            raise UnsupportedAlgorithm("the token is given data, not digests")
        digest = hashes.Hash(algorithm)
        digest.update(data)
        try:
            raw: bytes = self._key.sign(digest.finalize(), mechanism=pkcs11.Mechanism.ECDSA)
        except pkcs11.PKCS11Error as error:
            raise PasserelleError("token_unavailable", type(error).__name__) from error
        half = len(raw) // 2
        return utils.encode_dss_signature(
            int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big")
        )

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> NoReturn:
        """Not for this."""
        raise UnsupportedAlgorithm("a key that only signs")

    def private_numbers(self) -> NoReturn:
        """Not outside the token."""
        raise UnsupportedAlgorithm("the key stays in its token")

    def private_bytes(
        self,
        encoding: serialization.Encoding,
        format: serialization.PrivateFormat,
        encryption_algorithm: KeySerializationEncryption,
    ) -> NoReturn:
        """Not outside the token."""
        raise UnsupportedAlgorithm("the key stays in its token")

    def __copy__(self) -> TokenPrivateKey:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> TokenPrivateKey:
        return self


def make_token_key(where: TokenKey) -> TokenPrivateKey:
    """A fresh P-384 key in the token, not extractable.

    Raises:
        PasserelleError: `token_unavailable`, `token_pin_refused`, `token_key_exists`, what reading the
            PIN raises.
    """
    pkcs11 = binding()
    from pkcs11.util.ec import encode_named_curve_parameters  # noqa: PLC0415 - an extra

    session = keep_session(where)
    if _found(session, where):
        raise PasserelleError("token_key_exists", where.label)
    parameters = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters("secp384r1")}
    private = {pkcs11.Attribute.EXTRACTABLE: False, pkcs11.Attribute.SENSITIVE: True}
    try:
        domain = session.create_domain_parameters(pkcs11.KeyType.EC, parameters, local=True)
        domain.generate_keypair(store=True, label=where.label, private_template=private)
    except pkcs11.PKCS11Error as error:
        raise PasserelleError("token_unavailable", type(error).__name__) from error
    return _key(session, where)


def open_token_key(where: TokenKey) -> TokenPrivateKey:
    """The key of that label in the token.

    Raises:
        PasserelleError: `token_unavailable`, `token_pin_refused`, what reading the PIN raises.
    """
    return _key(keep_session(where), where)


def _found(session: Any, where: TokenKey) -> bool:
    label = {binding().Attribute.LABEL: where.label}
    return any(True for _ in session.get_objects(label))


def _key(session: Any, where: TokenKey) -> TokenPrivateKey:
    pkcs11 = binding()
    from pkcs11.util.ec import encode_ec_public_key  # noqa: PLC0415 - an extra

    try:
        private = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=where.label)
        shown = session.get_key(object_class=pkcs11.ObjectClass.PUBLIC_KEY, label=where.label)
        public = serialization.load_der_public_key(encode_ec_public_key(shown))
    except (pkcs11.PKCS11Error, ValueError) as error:
        raise PasserelleError("token_unavailable", f"{where.label}: {type(error).__name__}") from error
    if not (isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP384R1)):
        raise PasserelleError("token_unavailable", f"{where.label}: not on P-384")
    return TokenPrivateKey(private, public)
