"""The hub's configuration: one TOML file (`hub.toml`), every setting overridable by `PASSERELLE_HUB_*`.

    identity = "spiffe://hub.example/hub/ocam"
    database = "hub.db"                        SQLite file, or postgresql://user@host/name (15 or newer)
    writers = 4                                threads that write side by side; PostgreSQL alone
    director = "coordination"                  who sees embargoed links
    [tls] [keys] [registry] [policy]           where files lie
    [domains] ter = [1]                        accepted epochs per domain
    [revocation] [pki]                         lists of revoked certificates; who renews the leaf
    [quotas] records = 5000000                 units a day and agency: records, tokens, control, streams,
                                               queries, judgements; tokens/<group>, else as all tokens
    [quota_exceptions.police] records = 9000   for one agency
    [backup] folder = "/mnt/backup"            where changes are archived, at every commit (SQLite)
             operator_key = "operator.pub"     whom copies and changes are sealed to
    [timestamps] authority = "https://..."     has checkpoints stamped (RFC 3161); roots = "tsa-roots.pem"

Secrets stand in files of their own (mode 0600), never in this one and never on a command line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from passerelle.config import (
    Part,
    PkiAddress,
    RegistrySettings,
    RevocationSettings,
    RoleSettings,
    TlsSettings,
)
from passerelle.groups import Group
from passerelle_hub.evaluations.reconcile import Tolerance
from passerelle_hub.quota import DEFAULT_LIMITS, resource_of

Resource = Annotated[str, Field(pattern=f"^({'|'.join((*DEFAULT_LIMITS, *map(resource_of, Group)))})$")]
Limits = dict[Resource, Annotated[int, Field(ge=0)]]


class KeySettings(Part):
    """The hub's signing and manifest keys and the pepper of the index, mode 0600, outside the database."""

    signing: Path = Path("keys/signing.key")
    manifest: Path = Path("keys/manifest.key")
    pepper: Path = Path("keys/pepper.key")


class LogSettings(Part):
    """The guard of releases: how old tick and checkpoint may be, and how long ago a quorum may have cosigned.

    An age of 0 is no limit. `details_days` is how long actors and details of events are kept; 0 for ever.
    """

    max_age_seconds: Annotated[float, Field(ge=0)] = 60.0
    quorum: Annotated[int, Field(ge=1, le=32)] = 2
    witnessed_max_age_seconds: Annotated[float, Field(ge=0)] = 0.0
    details_days: Annotated[float, Field(ge=0)] = 0.0


class TimestampSettings(Part):
    """A time-stamping authority (RFC 3161) for checkpoints; none where `authority` (a URL) is empty.

    `roots`: the certificates (PEM) that its own must lead to. Asked every `seconds`, each time for at most
    `timeout` seconds.
    """

    authority: Annotated[str, Field(pattern="^(https?://.+)?$")] = ""
    roots: Path = Path("tsa-roots.pem")
    seconds: Annotated[float, Field(ge=1)] = 3600.0
    timeout: Annotated[float, Field(gt=0, le=60)] = 10.0


class PolicySettings(Part):
    """Policies, the operator's own documents, and which engine evaluates them.

    `engine` is `embedded`, or `opa` with the `address` (unix:///path, or host:port on loopback) of an OPA
    server, which fetches the active bundle from `bundle_listen`. `workers` are the embedded engine's
    processes, or the connections to OPA over which a large batch is spread. `signers` names the persons who
    may sign a bundle, each with the files of their public keys; once it does, the hub decides by signed
    revisions of its database alone and `folder` is only where work on them begins.
    """

    folder: Path = Path("policies")
    data: Path | None = None
    engine: Annotated[str, Field(pattern="^(embedded|opa)$")] = "embedded"
    address: str = "127.0.0.1:8181"
    workers: Annotated[int, Field(ge=1, le=8)] = 2
    signers: dict[str, tuple[Path, ...]] = Field(default_factory=dict[str, tuple[Path, ...]])
    bundle_listen: str = ""


class EvaluationSettings(Part):
    """How trustees' reports are held against tokens submitted, see `passerelle_hub.evaluations.reconcile`."""

    threshold: Annotated[int, Field(ge=1, le=255)] = 2
    window_days: Annotated[int, Field(ge=1, le=366)] = 31
    percent: Annotated[int, Field(ge=0, le=1000)] = 10
    free: Annotated[int, Field(ge=0)] = 1_000
    seconds: Annotated[float, Field(gt=0)] = 21_600.0

    def tolerance(self) -> Tolerance:
        """As the step takes it."""
        return Tolerance(self.threshold, self.window_days, self.percent, self.free)


class BackupSettings(Part):
    """Where copies and changes go and whom they are sealed to, see `passerelle_hub.backup`.

    Without `folder` no changes are archived, and a copy is all there is. `spool` is where `pg_receivewal`
    writes PostgreSQL's log. `max_age_hours`: older copies are a finding of `doctor`.
    """

    folder: Path | None = None
    operator_key: Path | None = None
    spool: Path | None = None
    max_age_hours: Annotated[float, Field(gt=0)] = 26.0


class HubSettings(RoleSettings):
    """Everything a hub process needs to run."""

    model_config = SettingsConfigDict(env_prefix="PASSERELLE_HUB_")

    identity: str
    listen: str = "127.0.0.1:7443"
    database: str = "hub.db"
    writers: Annotated[int, Field(ge=2, le=32)] = 4
    director: str = "coordination"
    tick_seconds: Annotated[float, Field(gt=0, le=10)] = 1.0
    checkpoint_seconds: Annotated[float, Field(gt=0)] = 10.0
    retention_seconds: Annotated[float, Field(gt=0)] = 3600.0
    rotate_days: Annotated[float, Field(ge=0)] = 30.0  # age at which the key manifest is replaced; 0 never
    evaluations: EvaluationSettings = EvaluationSettings()
    log_level: str = "INFO"
    tls: TlsSettings = TlsSettings()
    keys: KeySettings = KeySettings()
    registry: RegistrySettings = RegistrySettings()
    revocation: RevocationSettings = RevocationSettings()
    pki: PkiAddress | None = None
    policy: PolicySettings = PolicySettings()
    backup: BackupSettings = BackupSettings()
    log: LogSettings = LogSettings()
    timestamps: TimestampSettings = TimestampSettings()
    domains: dict[str, tuple[int, ...]]
    quotas: Limits = Field(default_factory=dict[str, int])
    quota_exceptions: dict[str, Limits] = Field(default_factory=dict[str, Limits])

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL: the one configured, or the configured SQLite file's."""
        return self.database if "://" in self.database else f"sqlite:///{self.path(self.database)}"
