"""A signed bundle, verified: the only form in which the hub takes rules from outside.

(1) the archive is read; (2) the first signature, then the second, over exactly the files they must cover;
(3) two persons, not one; (4) the bundle itself: complete, documents within their schemas, revision its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from passerelle.errors import PasserelleError
from passerelle_hub.policy.archive import read_archive, read_bundle
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.policy.jsonvalue import as_object
from passerelle_hub.policy.lint import lint_bundle
from passerelle_hub.policy.signatures import Signers, verify_first, verify_second


@dataclass(frozen=True, slots=True)
class SignedBundle:
    """A bundle that two persons signed. `digest` is the SHA-256 of the archive, `issued` microseconds UTC.

    `figures` are what the second signer's replay counted, `newly_allowed` whether they approved that.
    """

    bundle: Bundle
    archive: bytes
    digest: bytes
    issued: int
    first: str
    second: str
    figures: Mapping[str, int]
    newly_allowed: bool


def verify_archive(archive: bytes, signers: Signers) -> SignedBundle:
    """Read and verify one archive.

    Raises:
        PasserelleError: `policy_signature_missing`, `policy_signature_invalid`, `policy_key_id_missing`,
            `policy_signer_unknown`, `policy_signers_same`, `policy_file_unsigned`, `policy_bundle_invalid`,
            `policy_data_invalid`.
    """
    files = read_archive(archive)  # (1)
    first, claims = verify_first(files, signers)  # (2)
    second, approval = verify_second(files, signers)
    if first == second:  # (3)
        raise PasserelleError("policy_signers_same", first)
    return SignedBundle(
        bundle=read_bundle(files),  # (4)
        archive=archive,
        digest=hashlib.sha256(archive).digest(),
        issued=claims["issued"],
        first=first,
        second=second,
        figures=as_object(approval.get("replay")) or {},
        newly_allowed=approval.get("newly_allowed") is True,
    )


def examine(bundle: Bundle) -> None:
    """Refuse a bundle that breaks the lint or that the embedded engine does not load.

    Raises:
        PasserelleError: `policy_bundle_invalid`.
    """
    findings = lint_bundle(bundle)
    if findings:
        first = findings[0]
        more = f" ({len(findings)} findings in all)" if len(findings) > 1 else ""
        raise PasserelleError(
            "policy_bundle_invalid", f"{first.path}:{first.line}: {first.rule} {first.message}{more}"
        )
    engine = EmbeddedEngine(bundle)
    try:
        engine.warm()
    except PasserelleError as error:
        raise PasserelleError("policy_bundle_invalid", f"the embedded engine: {error.detail}") from error
    finally:
        engine.close()
