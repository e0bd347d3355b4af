"""What an activation of policy remembers: allows for some seconds, and the keys of requests.

Another activation has a memory of its own, so nothing outlives the revision it was decided by. Bounded: what
grows beyond its limit is forgotten as a whole. Thread-safe.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from passerelle.clock import SECOND, Clock
from passerelle_hub.policy.model import Decision

_KEYS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Settings:
    """How long an allow is remembered (microseconds) and how many at most."""

    allow_lives: int = 30 * SECOND
    remembered: int = 100_000


class Memory:
    """By package: allows by the key of what was asked, keys by the fingerprint of the request."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._allows: dict[tuple[str, str], tuple[int, Decision]] = {}
        self._keys: dict[tuple[str, Hashable], str] = {}

    def key(self, package: str, fingerprint: Hashable, make: Callable[[], str]) -> str:
        """The key of a request, made once."""
        place = package, fingerprint
        key = self._keys.get(place)
        if key is None:
            key = make()
            with self._lock:
                if len(self._keys) >= _KEYS:
                    self._keys.clear()
                self._keys[place] = key
        return key

    def recall(self, package: str, keys: Iterable[str]) -> dict[str, Decision]:
        """The allows among some keys that are young enough."""
        youngest = self._clock.now() - self._settings.allow_lives
        with self._lock:
            found = [(key, self._allows.get((package, key))) for key in keys]
        return {key: known[1] for key, known in found if known is not None and known[0] > youngest}

    def remember(self, package: str, decided: Sequence[tuple[str, Decision]]) -> None:
        """Keep the allows among some decisions, with the time they were made."""
        now = self._clock.now()
        with self._lock:
            if len(self._allows) + len(decided) > self._settings.remembered:
                self._allows.clear()
            for key, decision in decided:
                if decision.allow:
                    self._allows[package, key] = (now, decision)
