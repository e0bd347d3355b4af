"""A change of weights that two persons signed: the only form in which the hub takes one.

A file is a JSON object: `change.json` (see `change`), `approval.json`, the first person's signature, and
`.signatures.json`, the second person's over both, as those of a policy bundle (`policy.signatures`) under a
scope of its own. The second signature states what its replay counted and whether pairs that would be newly
notified are meant.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from passerelle.errors import PasserelleError
from passerelle_hub.match.change import WeightChange, decode_change
from passerelle_hub.policy.archive import APPROVAL, SIGNATURES
from passerelle_hub.policy.jsonvalue import as_object
from passerelle_hub.policy.signatures import Signers, verify_first, verify_second

SCOPE: Final = "passerelle/weights"
CHANGE: Final = "change.json"
_MOST_BYTES: Final = 262_144
_NAMES: Final = frozenset({CHANGE, APPROVAL, SIGNATURES})


@dataclass(frozen=True, slots=True)
class SignedChange:
    """A verified change. `digest` is the SHA-256 of the file, `issued` microseconds UTC."""

    change: WeightChange
    body: bytes
    digest: bytes
    issued: int
    first: str
    second: str
    figures: Mapping[str, int]
    newly_notified: bool


def write_file(files: Mapping[str, bytes]) -> bytes:
    """The file of a change with its signatures so far."""
    content = {name: body.decode("ascii") for name, body in files.items()}
    return json.dumps(content, sort_keys=True, indent=1).encode("ascii")


def read_file(raw: bytes) -> dict[str, bytes]:
    """Its parts; nothing is verified.

    Raises:
        PasserelleError: `weights_change_invalid`.
    """
    try:
        content = as_object(json.loads(raw)) if len(raw) <= _MOST_BYTES else None
        files = {name: str(text).encode("ascii") for name, text in (content or {}).items()}
    except (ValueError, RecursionError) as error:
        raise PasserelleError("weights_change_invalid", "no JSON") from error
    if CHANGE not in files or not files.keys() <= _NAMES:
        raise PasserelleError("weights_change_invalid", "not the parts of a change")
    return files


def verify_file(raw: bytes, signers: Signers) -> SignedChange:
    """Read and verify a file.

    Raises:
        PasserelleError: `weights_change_invalid`, `weights_base_differs`, `policy_signature_missing`,
            `policy_signature_invalid`, `policy_key_id_missing`, `policy_signer_unknown`,
            `policy_signers_same`, `policy_file_unsigned`.
    """
    files = read_file(raw)
    first, claims = verify_first(files, signers, SCOPE)
    second, approval = verify_second(files, signers, SCOPE)
    if first == second:
        raise PasserelleError("policy_signers_same", first)
    return SignedChange(
        change=decode_change(files[CHANGE]),
        body=files[CHANGE],
        digest=hashlib.sha256(raw).digest(),
        issued=claims["issued"],
        first=first,
        second=second,
        figures=as_object(approval.get("replay")) or {},
        newly_notified=approval.get("newly_allowed") is True,
    )
