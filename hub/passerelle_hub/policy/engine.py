"""What an engine is: something that evaluates one package for many inputs, or says that it cannot.

Promises of every engine
------------------------
1. `evaluate` answers with a mapping keyed by the ids it was given; an id may be missing, never exchanged.
2. It raises `policy_evaluation_failed` where the engine is well and the evaluation is not (one input may
   be to blame), `policy_engine_down` for everything else: dead, too slow, malformed. It never guesses.
3. It recovers by itself: after a fault the next call finds a working engine or raises again.
4. It may be called from several threads and blocks; the hub calls it off the event loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from passerelle_hub.policy.model import PolicyInput

ENTRY_POINT: Final = "decisions"
ROOT: Final = "passerelle"
EVALUATION_FAILED: Final = "policy_evaluation_failed"
ENGINE_DOWN: Final = "policy_engine_down"


class Engine(Protocol):
    """An evaluator of one bundle revision."""

    def evaluate(self, package: str, requests: Mapping[str, PolicyInput], /) -> Mapping[str, object]:
        """Evaluate `data.passerelle.<package>.decisions` for requests keyed by id.

        Returns:
            The raw answers by id; nothing about them is checked.

        Raises:
            PasserelleError: `policy_evaluation_failed`, `policy_engine_down`.
        """
        ...

    def close(self) -> None:
        """Release processes and connections."""
        ...


class Publisher(Protocol):
    """Whoever serves signed bundles to an engine that fetches them by itself."""

    def start(self) -> None:
        """Begin to serve.

        Raises:
            PasserelleError: `config_invalid`.
        """
        ...

    def publish(self, archive: bytes, digest: bytes) -> None:
        """Serve this archive (SHA-256 `digest`) from now on."""
        ...

    def close(self) -> None:
        """Serve nothing any more."""
        ...
