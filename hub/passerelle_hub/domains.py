"""Domains the hub serves: separate token spaces with their own keys, epochs and protocol versions.

What a domain allows (tiers, accreditation, interconnection) is policy data; here stands only what the
hub must know to take a token at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from passerelle.errors import PasserelleError

NORMALISER = "norm/1"


@dataclass(frozen=True, slots=True)
class Domains:
    """Accepted epochs by domain, and the normalisation protocol all connectors must speak."""

    epochs: Mapping[str, tuple[int, ...]]
    normaliser: str = NORMALISER

    def check(self, domain: str, epoch: int) -> None:
        """Refuse tokens of an unknown domain or another epoch.

        Raises:
            PasserelleError: `batch_epoch_wrong`.
        """
        if epoch not in self.epochs.get(domain, ()):
            raise PasserelleError("batch_epoch_wrong", f"epoch {epoch}")
