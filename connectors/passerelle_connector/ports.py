"""What the connector needs of the hub, as protocols; of trustees, see `tokenise`.

`service` implements them over gRPC; the simulator and the tests implement them in process.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol

from passerelle.foresight import Foresight, Imagined
from passerelle.holdings import Comparison, Selection
from passerelle.record import Batch, Position
from passerelle.rpc.leaf import Healthy, quiet
from passerelle.sign import Signed

__all__ = [
    "AcceptedDomain", "DirectoryPort", "Healthy", "HoldingsPort", "HubDescription", "HubPort",
    "PreviewPort", "SealedNotification", "close_stream", "quiet",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class SealedNotification:
    """A notification on the wire: its number, HPKE ciphertext, the sealing key (32-byte id) it is for."""

    sequence: int
    sealed: bytes
    key_id: bytes


@dataclass(frozen=True, slots=True)
class AcceptedDomain:
    """A domain as the hub takes it: its epochs and tiers, and the epochs that it announces."""

    name: str
    epochs: tuple[int, ...]
    tiers: tuple[str, ...]
    announced: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class HubDescription:
    """What the hub says of itself; only versions and limits are used, keys come from the registry.

    `time` is the hub's clock (microseconds UTC, 0 where it says none), for diagnosis only.
    """

    hub: str
    entry: Signed
    domains: tuple[AcceptedDomain, ...]
    normaliser: str
    catalogue: str
    time: int = 0


class HubPort(Protocol):
    """The hub's Exchange, one stream a call."""

    def submit(self, batches: AsyncIterator[Batch]) -> AsyncIterator[Position | Signed]:
        """The agency's position first, then one signed receipt per batch, in order; not yet verified.

        Raises:
            PasserelleError: the hub's code, or `peer_unavailable`, `peer_timeout`.
        """
        ...

    def notifications(
        self, cursor: int, acknowledgements: AsyncIterator[int]
    ) -> AsyncIterator[SealedNotification]:
        """Everything after the cursor, in order, as it comes; acknowledged by number.

        Raises:
            PasserelleError: the hub's code, or `peer_unavailable`, `peer_timeout`.
        """
        ...


class HoldingsPort(Protocol):
    """The hub's Reconcile."""

    async def reconcile(self, question: Comparison | Selection) -> Signed:
        """The hub's signed answer, not yet verified.

        Raises:
            PasserelleError: the hub's code, or `peer_unavailable`, `peer_timeout`.
        """
        ...


class DirectoryPort(Protocol):
    """The hub's Directory."""

    async def describe(self) -> HubDescription:
        """What the hub accepts.

        Raises:
            PasserelleError: the hub's code, or `peer_unavailable`, `peer_timeout`.
        """
        ...

    async def agencies(self) -> tuple[Signed, ...]:
        """Registry entries of all agencies, not yet verified.

        Raises:
            PasserelleError: the hub's code, or `peer_unavailable`, `peer_timeout`.
        """
        ...


class PreviewPort(Protocol):
    """The hub's Preview."""

    async def who_would_learn(self, imagined: Imagined) -> Foresight:
        """What each class of counterpart would be told of a record that is not submitted.

        Raises:
            PasserelleError: the hub's code, or `peer_unavailable`, `peer_timeout`.
        """
        ...


async def close_stream(stream: AsyncIterator[Any]) -> None:
    """End a port's stream now instead of at garbage collection."""
    if isinstance(stream, AsyncGenerator):
        await stream.aclose()
