"""Which policy a hub process begins with, and what it makes engines of.

A configuration that names signers decides by the active signed revision of the database and by nothing else;
one that names none decides by its folder, and is refused once a revision was activated: taking the signers
out of a file must not take the signatures out of the hub.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from passerelle.errors import PasserelleError
from passerelle_hub.config import HubSettings
from passerelle_hub.following import Workshop
from passerelle_hub.policy.bundle import Bundle, load_bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.policy.engine import Engine
from passerelle_hub.policy.signatures import Signers, load_signers
from passerelle_hub.policy.signed import verify_archive
from passerelle_hub.shadow import DEADLINE
from passerelle_hub.store import Database, policies
from passerelle_hub.store.policies import UNSIGNED, State


@dataclass(frozen=True, slots=True)
class Policy:
    """A bundle and an engine over it, who may sign the next one, and how to load it."""

    bundle: Bundle
    engine: Engine
    state: State
    signers: Signers
    workshop: Workshop


def signers_of(settings: HubSettings) -> Signers:
    """Who may sign, as the configuration says.

    Raises:
        PasserelleError: `config_invalid`.
    """
    named = settings.policy.signers
    return load_signers({person: tuple(map(settings.path, files)) for person, files in named.items()})


def folders(settings: HubSettings) -> tuple[Path, Path | None]:
    """The configured folders of policies and of the operator's own documents."""
    data = settings.policy.data
    return settings.path(settings.policy.folder), settings.path(data) if data else None


def active_bundle(settings: HubSettings, database: Database, signers: Signers) -> tuple[Bundle, State, bytes]:
    """The bundle that decides, the state it is active in, its archive (empty for a folder).

    Raises:
        PasserelleError: `policy_not_activated`, `config_invalid`, or what is wrong with the bundle.
    """
    with database.read() as tx:
        state = policies.state(tx)
        archive = (policies.archive(tx, state.revision) or b"") if state.revision else b""
    if state.revision:
        if not signers.keys:
            raise PasserelleError("config_invalid", "a signed policy is active and [policy.signers] is empty")
        return verify_archive(archive, signers).bundle, state, archive
    if signers.keys:
        raise PasserelleError("policy_not_activated")
    return load_bundle(*folders(settings)), UNSIGNED, b""


def open_policy(settings: HubSettings, database: Database) -> Policy:
    """What a hub process decides by at its start.

    Raises:
        PasserelleError: as `active_bundle`.
    """
    signers = signers_of(settings)
    bundle, state, archive = active_bundle(settings, database, signers)
    workshop = _workshop(settings)
    if archive and workshop.bundles is not None:
        workshop.bundles.publish(archive, hashlib.sha256(archive).digest())
    begun = State(state.generation, state.revision, "")  # the first tick takes up a shadow
    return Policy(bundle, workshop.active(bundle), begun, signers, workshop)


def shadow_engine(bundle: Bundle) -> Engine:
    """An engine for a revision that is only tried."""
    return EmbeddedEngine(bundle, deadline=DEADLINE)


def _workshop(settings: HubSettings) -> Workshop:
    policy = settings.policy
    if policy.engine == "embedded":
        return Workshop(lambda bundle: EmbeddedEngine(bundle, workers=policy.workers), shadow_engine)
    from passerelle_hub.policy.opa import (  # noqa: PLC0415 - its HTTP client costs 0.2 s of every start
        OpaAddress,
        OpaEngine,
    )
    from passerelle_hub.policy.publish import BundleListener  # noqa: PLC0415 - the same

    address = OpaAddress.parse(policy.address, connections=policy.workers)
    listener = BundleListener(policy.bundle_listen) if policy.bundle_listen else None
    return Workshop(lambda bundle: OpaEngine(address, bundle.revision), shadow_engine, listener)
