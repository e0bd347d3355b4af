"""The certificate matrix: every departure from the profile is refused, each with its own code."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from passerelle.certificate import (
    BACKDATING,
    LEAF_LIFETIME,
    PeerCertificate,
    Usage,
    check_leaf,
    claimed_identity,
    leaf_key_usage,
    read_chain,
    verify_peer,
)
from passerelle.clock import DAY, SECOND, moment
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role

NOW = 1_767_225_600 * SECOND
POLICE = Identity("police.example", Role.CONNECTOR, "police")
HUB = Identity("hub.example", Role.HUB, "centre")


@dataclass(frozen=True, slots=True)
class Signer:
    """A certificate and the key behind it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else [])


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(item.public_bytes(serialization.Encoding.PEM) for item in certificates)


def authority(text: str, parent: Signer | None = None, path_length: int = 1, end: int = 300 * DAY) -> Signer:
    key = ec.generate_private_key(ec.SECP384R1())
    issuer = parent or Signer(None, key)  # type: ignore[arg-type] # a root has no certificate above it
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(text))
        .issuer_name(parent.certificate.subject if parent else name(text))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment(NOW - DAY))
        .not_valid_after(moment(NOW + end))
        .add_extension(x509.BasicConstraints(True, path_length), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if parent:
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(parent.key.public_key())
        builder = builder.add_extension(above, critical=False)
    return Signer(builder.sign(issuer.key, hashes.SHA384()), key)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf by profile, unless a test says otherwise."""

    identity: Identity = POLICE
    usage: tuple[x509.ObjectIdentifier, ...] | None = (ExtendedKeyUsageOID.CLIENT_AUTH,)
    names: tuple[x509.GeneralName, ...] | None = None
    not_before: int = NOW - BACKDATING
    not_after: int = NOW + LEAF_LIFETIME
    ca: bool | None = False
    key_usage: x509.KeyUsage | None = field(default_factory=leaf_key_usage)
    more: tuple[x509.ExtensionType, ...] = ()
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def sign(self, issuer: Signer) -> x509.Certificate:
        names = self.names
        if names is None:
            names = (x509.UniformResourceIdentifier(str(self.identity)),)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name("" if names else "nameless"))
            .issuer_name(issuer.certificate.subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(moment(self.not_before))
            .not_valid_after(moment(self.not_after))
        )
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
        extensions: list[tuple[x509.ExtensionType, bool]] = [(above, False)]
        if names:
            extensions.append((x509.SubjectAlternativeName(names), True))
        if self.ca is not None:
            extensions.append((x509.BasicConstraints(self.ca, None), True))
        if self.key_usage is not None:
            extensions.append((self.key_usage, True))
        if self.usage is not None:
            extensions.append((x509.ExtendedKeyUsage(self.usage), False))
        for extension, critical in [*extensions, *((item, False) for item in self.more)]:
            builder = builder.add_extension(extension, critical)
        return builder.sign(issuer.key, hashes.SHA384())


def uri(text: str) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(text)


SERVER = Leaf(
    identity=HUB,
    usage=(ExtendedKeyUsageOID.SERVER_AUTH,),
    names=(uri(str(HUB)), x509.DNSName(HUB.server_name)),
)
ROOT = authority("police root")
ISSUING = authority("police issuing", ROOT, 0)
OTHER_ROOT = authority("customs root")
OTHER_ISSUING = authority("customs issuing", OTHER_ROOT, 0)


def verify(
    leaf: Leaf,
    *,
    issuer: Signer = ISSUING,
    roots: Signer = ROOT,
    now: int = NOW,
    usage: Usage = Usage.CLIENT,
    chain: tuple[x509.Certificate, ...] | None = None,
) -> PeerCertificate:
    above = (issuer.certificate,) if chain is None else chain
    return verify_peer(pem(leaf.sign(issuer), *above), pem(roots.certificate), now, usage)


def test_a_client_leaf_by_profile_names_its_identity() -> None:
    leaf = Leaf().sign(ISSUING)
    peer = verify_peer(pem(leaf, ISSUING.certificate), pem(ROOT.certificate), NOW, Usage.CLIENT)
    assert peer.identity == POLICE
    assert peer.serial == leaf.serial_number
    assert peer.fingerprint == leaf.fingerprint(hashes.SHA256())
    assert (peer.not_before, peer.not_after) == (NOW - BACKDATING, NOW + LEAF_LIFETIME)
    assert check_leaf(leaf, Usage.CLIENT) == claimed_identity(leaf, Usage.CLIENT) == POLICE


def test_a_server_leaf_by_profile_names_its_identity() -> None:
    assert verify(SERVER, usage=Usage.SERVER).identity == HUB


def test_the_root_may_stand_in_the_chain() -> None:
    peer = verify(Leaf(), chain=(ISSUING.certificate, ROOT.certificate))
    assert peer.identity == POLICE


def test_one_of_several_roots_is_enough() -> None:
    roots = pem(OTHER_ROOT.certificate, ROOT.certificate)
    chain = pem(Leaf().sign(ISSUING), ISSUING.certificate)
    assert verify_peer(chain, roots, NOW, Usage.CLIENT).identity == POLICE


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (NOW + LEAF_LIFETIME, "certificate_expired"),
        (NOW + 30 * DAY, "certificate_expired"),
        (NOW - BACKDATING - SECOND, "certificate_not_yet_valid"),
    ],
)
def test_a_leaf_out_of_its_time_is_refused(now: int, code: str) -> None:
    with pytest.raises(PasserelleError) as caught:
        verify(Leaf(), now=now)
    assert caught.value.code == code
    assert verify(Leaf(), now=NOW - BACKDATING).identity == POLICE
    assert verify(Leaf(), now=NOW + LEAF_LIFETIME - 1).identity == POLICE


def test_a_result_expires_with_the_first_certificate_of_its_chain() -> None:
    short = authority("short issuing", ROOT, 0, end=DAY)
    peer = verify(Leaf(), issuer=short)
    assert peer.not_after == NOW + DAY
    peer.check_time(NOW + DAY - 1)
    with pytest.raises(PasserelleError, match="certificate_expired"):
        peer.check_time(NOW + DAY)
    with pytest.raises(PasserelleError, match="certificate_not_yet_valid"):
        peer.check_time(peer.not_before - 1)
    with pytest.raises(PasserelleError, match="certificate_untrusted"):
        verify(Leaf(), issuer=short, now=NOW + 2 * DAY)


def test_an_authority_of_another_domain_cannot_mint_this_identity() -> None:
    """The customs authority signs a leaf that says police; TLS with one flat bundle would take it."""
    with pytest.raises(PasserelleError, match="certificate_untrusted"):
        verify(Leaf(), issuer=OTHER_ISSUING, chain=(OTHER_ISSUING.certificate, OTHER_ROOT.certificate))


def test_a_chain_must_be_complete_and_no_longer_than_the_profile() -> None:
    below = authority("below issuing", ISSUING, 0)
    with pytest.raises(PasserelleError, match="certificate_untrusted"):
        verify(Leaf(), chain=())
    with pytest.raises(PasserelleError, match="certificate_untrusted"):
        verify(Leaf(), issuer=below, chain=(below.certificate, ISSUING.certificate))


def test_a_leaf_cannot_issue() -> None:
    agent = Leaf()
    middle = Signer(agent.sign(ISSUING), agent.key)
    with pytest.raises(PasserelleError, match="certificate_untrusted"):
        verify(Leaf(), issuer=middle, chain=(middle.certificate, ISSUING.certificate))


def test_a_server_leaf_of_another_authority_is_refused() -> None:
    with pytest.raises(PasserelleError, match="certificate_untrusted"):
        verify(SERVER, issuer=OTHER_ISSUING, usage=Usage.SERVER)


EVERY_NAME = (uri(str(POLICE)), uri(str(HUB)))
NAMES = [
    (None, (), "certificate_name_missing"),
    (None, (x509.DNSName("police.example"),), "certificate_name_missing"),
    (None, EVERY_NAME, "certificate_names_wrong"),
    (None, (uri(str(POLICE)), uri(str(POLICE))), "certificate_names_wrong"),
    (None, (uri(str(POLICE)), x509.DNSName(POLICE.server_name)), "certificate_names_wrong"),
    (None, (uri(str(POLICE)), x509.RFC822Name("a@police.example")), "certificate_names_wrong"),
    (None, (uri("spiffe://police.example/director/police"),), "identity_malformed"),
    (None, (uri("https://police.example/"),), "identity_malformed"),
    (Usage.SERVER, (uri(str(HUB)),), "certificate_names_wrong"),
    (Usage.SERVER, (uri(str(HUB)), x509.DNSName("hub.example")), "certificate_names_wrong"),
    (Usage.SERVER, (uri(str(HUB)), x509.DNSName(HUB.server_name.upper())), "certificate_names_wrong"),
    (
        Usage.SERVER,
        (uri(str(HUB)), x509.DNSName(HUB.server_name), x509.DNSName("more.example")),
        "certificate_names_wrong",
    ),
]


@pytest.mark.parametrize(("usage", "names", "code"), NAMES)
def test_other_names_than_those_of_the_profile_are_refused(
    usage: Usage | None, names: tuple[x509.GeneralName, ...], code: str
) -> None:
    base = SERVER if usage else Leaf()
    with pytest.raises(PasserelleError) as caught:
        verify(replace(base, names=names), usage=usage or Usage.CLIENT)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "usage",
    [
        None,
        (ExtendedKeyUsageOID.SERVER_AUTH,),
        (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH),
        (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,),
        (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.CODE_SIGNING),
    ],
)
def test_any_other_extended_key_usage_is_refused(usage: tuple[x509.ObjectIdentifier, ...] | None) -> None:
    with pytest.raises(PasserelleError, match="certificate_usage_wrong"):
        verify(Leaf(usage=usage))


def test_a_connector_holds_no_server_leaf() -> None:
    names = (uri(str(POLICE)), x509.DNSName(POLICE.server_name))
    leaf = Leaf(usage=(ExtendedKeyUsageOID.SERVER_AUTH,), names=names)
    with pytest.raises(PasserelleError, match="certificate_usage_wrong"):
        verify(leaf, usage=Usage.SERVER)


def _usage(**other: bool) -> x509.KeyUsage:
    bits = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(**{"digital_signature": True, **bits, **other})


@pytest.mark.parametrize(
    "leaf",
    [
        Leaf(ca=True),
        Leaf(ca=None),
        Leaf(key_usage=None),
        Leaf(key_usage=_usage(key_cert_sign=True)),
        Leaf(key_usage=_usage(key_agreement=True)),
        Leaf(key_usage=_usage(digital_signature=False, content_commitment=True)),
        Leaf(not_after=NOW + LEAF_LIFETIME + SECOND),
        Leaf(not_before=NOW - DAY),
        Leaf(key=ec.generate_private_key(ec.SECP384R1())),
        Leaf(key=ed25519.Ed25519PrivateKey.generate()),
        Leaf(key=rsa.generate_private_key(65537, 2048)),
        Leaf(more=(x509.OCSPNoCheck(),)),
        Leaf(more=(x509.PrecertPoison(),)),
    ],
)
def test_departures_from_the_profile_are_refused(leaf: Leaf) -> None:
    with pytest.raises(PasserelleError, match="certificate_profile_wrong"):
        verify(leaf)


@pytest.mark.parametrize(
    "text", [b"", b"nothing", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_certificate_is_refused(text: bytes) -> None:
    with pytest.raises(PasserelleError, match="certificate_malformed"):
        read_chain(text)


def test_a_chain_of_more_than_four_is_refused() -> None:
    with pytest.raises(PasserelleError, match="certificate_malformed"):
        read_chain(pem(*[ROOT.certificate] * 5))


@pytest.mark.parametrize("oid", [ExtensionOID.SUBJECT_ALTERNATIVE_NAME, ExtensionOID.KEY_USAGE])
def test_an_unreadable_extension_is_refused(oid: x509.ObjectIdentifier) -> None:
    names = () if oid == ExtensionOID.SUBJECT_ALTERNATIVE_NAME else None
    leaf = Leaf(names=names, key_usage=None, more=(x509.UnrecognizedExtension(oid, b"\xff"),)).sign(ISSUING)
    with pytest.raises(PasserelleError, match="certificate_malformed"):
        verify_peer(pem(leaf, ISSUING.certificate), pem(ROOT.certificate), NOW, Usage.CLIENT)
    for check in (check_leaf, claimed_identity):
        with pytest.raises(PasserelleError, match="certificate_malformed"):
            check(leaf, Usage.CLIENT)


def test_a_damaged_signature_is_refused() -> None:
    leaf = Leaf().sign(ISSUING).public_bytes(serialization.Encoding.DER)
    damaged = x509.load_der_x509_certificate(leaf[:-1] + bytes([leaf[-1] ^ 1]))
    with pytest.raises(PasserelleError, match="certificate_untrusted"):
        verify_peer(pem(damaged, ISSUING.certificate), pem(ROOT.certificate), NOW, Usage.CLIENT)


def test_a_certificate_lasts_seven_days_and_its_backdating() -> None:
    leaf = Leaf().sign(ISSUING)
    lifetime = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    assert lifetime == timedelta(days=7, minutes=5)


def test_a_certificate_of_an_impossible_version_is_refused() -> None:
    der = authority("root").certificate.public_bytes(serialization.Encoding.DER)
    version_3, version_35 = bytes.fromhex("a003020102"), bytes.fromhex("a003020122")
    assert version_3 in der
    with pytest.raises(PasserelleError) as refusal:
        read_chain(ssl.DER_cert_to_PEM_cert(der.replace(version_3, version_35)).encode())
    assert refusal.value.code == "certificate_malformed"
