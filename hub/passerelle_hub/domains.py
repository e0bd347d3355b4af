"""Domains the hub serves: separate token spaces with their own keys, epochs and protocol versions.

What a domain allows (tiers, accreditation, interconnection) is policy data; here stands only what the
hub must know to take a token at all. Which epochs it takes the configuration says at first, and the
operator's decisions from then on (`passerelle_hub.epochs`). One thread replaces whole values, others read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from passerelle.errors import PasserelleError

NORMALISER: Final = "norm/1"
Epochs = Mapping[str, tuple[int, ...]]


class Domains:
    """Accepted epochs by domain, and the normalisation protocol all connectors must speak."""

    def __init__(self, epochs: Epochs) -> None:
        self._configured = epochs
        self._epochs: Epochs = epochs
        self._announced: Epochs = {}
        self.normaliser: Final = NORMALISER

    @property
    def epochs(self) -> Epochs:
        """The epochs whose tokens are taken, by domain, ascending."""
        return self._epochs

    @property
    def announced(self) -> Epochs:
        """Epochs that will be taken, by domain."""
        return self._announced

    def decide(self, opened: Epochs, closed: Epochs, announced: Epochs) -> None:
        """Take what was decided beside the configuration; a domain is never without its name."""
        self._epochs = {
            name: tuple(sorted({*stated, *opened.get(name, ())} - {*closed.get(name, ())}))
            for name, stated in self._configured.items()
        }
        self._announced = announced

    def check(self, domain: str, epoch: int) -> None:
        """Refuse tokens of an unknown domain or another epoch.

        Raises:
            PasserelleError: `batch_epoch_wrong`.
        """
        if epoch not in self._epochs.get(domain, ()):
            raise PasserelleError("batch_epoch_wrong", f"epoch {epoch}")
