"""Two persons sign a bundle, in OPA's own format, so that OPA itself refuses what they did not sign.

`.signatures.json` holds one JWS (ES256) over the hash of every other file; OPA knows no more than one. So the
first person's JWS is a file of the bundle, `approval.json`, and the second person's covers it:

    approval.json      first signer: all files but the two signatures; claim `issued` (microseconds UTC)
    .signatures.json   second signer: all files and the approval; claims `replay`, the figures the second
                       signer saw, and `newly_allowed`, whether they approve what is newly allowed

Both name their key in the header and in the claims. A key's id is computed from the key, and who owns a key
stands in the hub's configuration alone: a signature never says who made it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from passerelle import whole_json
from passerelle.errors import PasserelleError
from passerelle_hub.policy.archive import APPROVAL, DATA, MANIFEST, SIGNATURES
from passerelle_hub.policy.jsonvalue import as_list, as_object

SCOPE: Final = "passerelle"
_KEY_ID_HEX: Final = 32
_HALF: Final = 32
_STRUCTURED: Final = frozenset({DATA, MANIFEST})

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Signers:
    """Who may sign: public key and person by key id."""

    keys: Mapping[str, ec.EllipticCurvePublicKey] = field(
        default_factory=dict[str, ec.EllipticCurvePublicKey]
    )
    persons: Mapping[str, str] = field(default_factory=dict[str, str])


def key_id(key: ec.EllipticCurvePublicKey) -> str:
    """The id of a signer's key: the beginning of the SHA-256 of its DER form, in hexadecimal."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()[:_KEY_ID_HEX]


def public_pem(key: ec.EllipticCurvePublicKey) -> bytes:
    """The public key as PEM, as `hub.toml` names it and OPA reads it."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def load_signers(persons: Mapping[str, tuple[Path, ...]]) -> Signers:
    """The signers that a configuration names: each person with the files of their public keys.

    Raises:
        PasserelleError: `config_invalid`, a file is missing or no P-256 public key, or two persons share one.
    """
    keys: dict[str, ec.EllipticCurvePublicKey] = {}
    owners: dict[str, str] = {}
    for person, paths in persons.items():
        for path in paths:
            key = _public_key(path)
            if owners.setdefault(key_id(key), person) != person:
                raise PasserelleError("config_invalid", f"{path.name}: two signers share one key")
            keys[key_id(key)] = key
    return Signers(keys, owners)


def _public_key(path: Path) -> ec.EllipticCurvePublicKey:
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise PasserelleError("config_invalid", f"{path.name}: {type(error).__name__}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise PasserelleError("config_invalid", f"{path.name}: no P-256 public key")
    return key


def sign_first(
    files: Mapping[str, bytes], key: ec.EllipticCurvePrivateKey, issued: int, scope: str = SCOPE
) -> dict[str, bytes]:
    """The files with the first signature, and without a second one.

    `scope` says what they are, so that a signature on one thing is none on another.
    """
    content = {name: body for name, body in files.items() if name not in (APPROVAL, SIGNATURES)}
    token = _token(content, key, {"scope": f"{scope}/first", "issued": issued})
    return {**content, APPROVAL: _envelope(token)}


def sign_second(
    files: Mapping[str, bytes],
    key: ec.EllipticCurvePrivateKey,
    *,
    figures: Mapping[str, int],
    newly_allowed: bool,
    scope: str = SCOPE,
) -> dict[str, bytes]:
    """The files with the second signature beside the first.

    Args:
        figures: what the second signer's replay counted.
        newly_allowed: whether the second signer approves what the bundle newly allows.
        scope: what the files are.

    Raises:
        PasserelleError: `policy_signature_missing`, there is no first one.
    """
    if APPROVAL not in files:
        raise PasserelleError("policy_signature_missing", "the first signature")
    content = {name: body for name, body in files.items() if name != SIGNATURES}
    claims = {"scope": scope, "replay": dict(figures), "newly_allowed": newly_allowed}
    return {**content, SIGNATURES: _envelope(_token(content, key, claims))}


def verify_first(files: Mapping[str, bytes], signers: Signers, scope: str = SCOPE) -> tuple[str, Claims]:
    """Person and claims of the first signature.

    Raises:
        PasserelleError: as `_verify`.
    """
    content = {name: body for name, body in files.items() if name not in (APPROVAL, SIGNATURES)}
    person, claims = _verify(files, APPROVAL, content, signers, f"{scope}/first")
    if type(claims.get("issued")) is not int:
        raise PasserelleError("policy_signature_invalid", "the first signature names no time")
    return person, claims


def verify_second(files: Mapping[str, bytes], signers: Signers, scope: str = SCOPE) -> tuple[str, Claims]:
    """Person and claims of the second signature.

    Raises:
        PasserelleError: as `_verify`.
    """
    content = {name: body for name, body in files.items() if name != SIGNATURES}
    return _verify(files, SIGNATURES, content, signers, scope)


def file_hash(name: str, body: bytes) -> str:
    """The SHA-256 that OPA expects: of the canonical form of a document that it loads, else of the bytes.

    Raises:
        PasserelleError: `policy_bundle_invalid`, a document that is no JSON or holds a fraction.
    """
    if name not in _STRUCTURED:
        return hashlib.sha256(body).hexdigest()
    try:
        document = whole_json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PasserelleError("policy_bundle_invalid", f"{name} is no JSON, or holds a fraction") from error
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    # OPA writes strings as Go does, which escapes two separators that JSON may hold as they are.
    text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return hashlib.sha256(text.encode()).hexdigest()


def _token(content: Mapping[str, bytes], key: ec.EllipticCurvePrivateKey, claims: Claims) -> str:
    kid = key_id(key.public_key())
    listed = [
        {"name": name, "hash": file_hash(name, content[name]), "algorithm": "SHA-256"}
        for name in sorted(content)
    ]
    head = _encode({"alg": "ES256", "kid": kid, "typ": "JWT"})
    body = _encode({"files": listed, "keyid": kid, **claims})
    r, s = decode_dss_signature(key.sign(f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256())))
    raw = r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")
    return f"{head}.{body}.{_base64(raw)}"


def _envelope(token: str) -> bytes:
    return json.dumps({"signatures": [token]}).encode()


def _verify(
    files: Mapping[str, bytes], place: str, content: Mapping[str, bytes], signers: Signers, scope: str
) -> tuple[str, Claims]:
    """Check one signature against the files it must cover.

    Raises:
        PasserelleError: `policy_signature_missing`, `policy_key_id_missing`, `policy_signer_unknown`,
            `policy_signature_invalid` (forged, for another use, or another content), `policy_file_unsigned`.
    """
    token = _only_token(files, place)
    head, body, raw = _parts(token, place)
    kid = body.get("keyid")
    if not isinstance(kid, str) or not kid or head.get("kid") != kid:
        raise PasserelleError("policy_key_id_missing", place)
    if kid not in signers.keys:
        raise PasserelleError("policy_signer_unknown", f"{place}: key {kid[:_KEY_ID_HEX]}")
    if head.get("alg") != "ES256" or body.get("scope") != scope or len(raw) != 2 * _HALF:
        raise PasserelleError("policy_signature_invalid", f"{place}: another algorithm or use")
    signature = encode_dss_signature(int.from_bytes(raw[:_HALF], "big"), int.from_bytes(raw[_HALF:], "big"))
    try:
        signed = token.rpartition(".")[0].encode()
        signers.keys[kid].verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise PasserelleError("policy_signature_invalid", f"{place}: key {kid}") from error
    _covers(body, content, place)
    return signers.persons[kid], body


def _covers(body: Claims, content: Mapping[str, bytes], place: str) -> None:
    """Every file is listed with its hash, and no other file is."""
    listed: dict[str, object] = {}
    for entry in as_list(body.get("files")) or []:
        row = as_object(entry) or {}
        if row.get("algorithm") != "SHA-256" or not isinstance(row.get("name"), str):
            raise PasserelleError("policy_signature_invalid", f"{place}: a file without name or SHA-256")
        listed[row["name"]] = row.get("hash")
    if unsigned := sorted(content.keys() - listed.keys()):
        raise PasserelleError("policy_file_unsigned", f"{place} does not cover {unsigned[0]}")
    for name, claimed in listed.items():
        if name not in content or file_hash(name, content[name]) != claimed:
            raise PasserelleError("policy_signature_invalid", f"{place}: {name[:60]} is not what was signed")


def _only_token(files: Mapping[str, bytes], place: str) -> str:
    if place not in files:
        raise PasserelleError("policy_signature_missing", place)
    try:
        tokens = as_list((as_object(json.loads(files[place])) or {}).get("signatures")) or []
    except (ValueError, RecursionError) as error:
        raise PasserelleError("policy_signature_invalid", f"{place} is no JSON") from error
    if not tokens:
        raise PasserelleError("policy_signature_missing", place)
    if len(tokens) != 1 or not isinstance(tokens[0], str):
        raise PasserelleError("policy_signature_invalid", f"{place} must hold one signature")
    return tokens[0]


def _parts(token: str, place: str) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    try:
        first, second, third = token.split(".")
        head, body = as_object(json.loads(_bytes(first))), as_object(json.loads(_bytes(second)))
        raw = _bytes(third)
    except (ValueError, RecursionError, binascii.Error) as error:
        raise PasserelleError("policy_signature_invalid", f"{place} is no JWS") from error
    if head is None or body is None:
        raise PasserelleError("policy_signature_invalid", f"{place} is no JWS")
    return head, body, raw


def _encode(content: Mapping[str, Any]) -> str:
    return _base64(json.dumps(content, separators=(",", ":")).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
