"""What a hub is built on: configuration read, keys opened, policies loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from passerelle.clock import Clock
from passerelle.identity import Identity
from passerelle.sign import SigningKey, VerifyingKey
from passerelle_hub.domains import Domains
from passerelle_hub.evaluations.reconcile import Tolerance
from passerelle_hub.following import Workshop
from passerelle_hub.logbook.guard import LogGuard
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.engine import Engine
from passerelle_hub.policy.signatures import Signers
from passerelle_hub.store.policies import UNSIGNED, State


@dataclass(frozen=True, slots=True)
class Foundation:
    """What a hub is built on: who it is, what it trusts, its secrets, its policies."""

    identity: Identity
    director: str
    home_roots: bytes
    registry_key: VerifyingKey
    signing_key: SigningKey
    pepper: bytes
    domains: Domains
    bundle: Bundle
    engine: Engine
    clock: Clock
    require_lists: bool = True
    quotas: Mapping[str, int] = field(default_factory=dict[str, int])
    quota_exceptions: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, dict[str, int]])
    guard: LogGuard = field(default_factory=LogGuard)
    tolerance: Tolerance = field(default_factory=Tolerance)
    signers: Signers = field(default_factory=Signers)
    workshop: Workshop | None = None
    policy_state: State = UNSIGNED
