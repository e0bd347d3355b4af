"""Two signers, and bundles that differ from the real policies in one respect."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from passerelle.csr import new_key
from passerelle_hub.policy.archive import Files, pack, write_archive
from passerelle_hub.policy.signatures import Signers, key_id, sign_first, sign_second

ALICE, BRAM = "Alice Peeters", "Bram De Wit"


@dataclass
class Desk:
    """Where policies are edited and signed. `at` is the time of the next first signature."""

    policies: Path
    alice: EllipticCurvePrivateKey
    bram: EllipticCurvePrivateKey
    at: int = 1_000_000

    @property
    def signers(self) -> Signers:
        keys = {key_id(one.public_key()): one.public_key() for one in (self.alice, self.bram)}
        persons = {key_id(self.alice.public_key()): ALICE, key_id(self.bram.public_key()): BRAM}
        return Signers(keys, persons)

    def edit(self, name: str, change: Callable[[dict[str, Any]], None]) -> None:
        """Change a document of the policies' data."""
        path = self.policies / "data" / f"{name}.json"
        document = json.loads(path.read_text("utf-8"))
        change(document)
        path.write_text(json.dumps(document), "utf-8")

    def first(self) -> Files:
        """The policies with one signature; each later than the one before."""
        self.at += 1_000_000
        return sign_first(pack(self.policies), self.alice, self.at)

    def signed(self, *, newly_allowed: bool = False) -> bytes:
        """The policies as a bundle with both signatures."""
        return write_archive(self.second(self.first(), newly_allowed=newly_allowed))

    def second(self, files: Files, *, newly_allowed: bool = False) -> Files:
        """The second signature on some files."""
        return sign_second(files, self.bram, figures={}, newly_allowed=newly_allowed)


def desk(policies: Path, folder: Path) -> Desk:
    """A copy of the policies that may be changed, and fresh keys."""
    return Desk(Path(shutil.copytree(policies, folder / "edited")), new_key(), new_key())


def suspend_police(document: dict[str, Any]) -> None:
    """A change of `agencies` that denies the police everything."""
    document["police"]["status"] = "suspended"
