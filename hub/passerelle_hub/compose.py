"""Where the hub's objects are wired; plain constructors, nothing else.

`build_core` wires the steps without a socket (the simulator uses it as it is); `build_server` puts the
listener in front of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from passerelle.catalogue import catalogue
from passerelle.clock import Clock
from passerelle.federation import Federation
from passerelle.identity import Identity
from passerelle.log import get_logger
from passerelle.revocation import Revocations, Standings
from passerelle.rpc.admission import Gatekeeper
from passerelle.rpc.material import TlsMaterial
from passerelle.rpc.server import Listener, ServerLimits, create_server
from passerelle.sign import SigningKey, VerifyingKey
from passerelle_hub import calls
from passerelle_hub.access import Access
from passerelle_hub.admit import Admission
from passerelle_hub.audit import Audit, EventSeal
from passerelle_hub.closer.looks import Answers, Comparisons, Looks
from passerelle_hub.closer.service import Closer
from passerelle_hub.closer.service import add_servicer as add_closer
from passerelle_hub.clustering import Clustering
from passerelle_hub.decisions import Decisions
from passerelle_hub.domains import Domains
from passerelle_hub.epochs import TokenEpochs
from passerelle_hub.evaluations.reconcile import Evaluations, Tolerance
from passerelle_hub.evaluations.reports import Reports
from passerelle_hub.evaluations.service import TrusteeReports, add_servicer
from passerelle_hub.explain.foresight import Foreseer
from passerelle_hub.explain.service import Administration, Preview
from passerelle_hub.explain.service import add_servicers as add_explaining
from passerelle_hub.first_dot import FirstDots
from passerelle_hub.following import Following, Workshop
from passerelle_hub.holdings import Holdings
from passerelle_hub.index import Pepper
from passerelle_hub.intake import Intake
from passerelle_hub.judge.judging import Judgements
from passerelle_hub.judge.service import Judgement
from passerelle_hub.judge.service import add_servicer as add_judgement
from passerelle_hub.letters import DeadLetters
from passerelle_hub.logbook.guard import LogGuard
from passerelle_hub.logbook.reading import LogReader
from passerelle_hub.logbook.search import LogSearch
from passerelle_hub.logbook.service import Log, add_log
from passerelle_hub.logbook.witnesses import Witnesses
from passerelle_hub.match.links import Linker
from passerelle_hub.notify import Notifier
from passerelle_hub.outgoing import Bell, Outgoing
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.decide import Decider
from passerelle_hub.policy.engine import Engine
from passerelle_hub.policy.signatures import Signers
from passerelle_hub.pulse import Pulse
from passerelle_hub.query.ask import Desk, Queries
from passerelle_hub.query.service import Query
from passerelle_hub.query.service import add_servicer as add_query
from passerelle_hub.quota import DEFAULT_LIMITS, Quota
from passerelle_hub.receipts import Receipts
from passerelle_hub.registry import Registry
from passerelle_hub.retention import Retention
from passerelle_hub.service import Announcement, Directory, Exchange, Threads, add_servicers
from passerelle_hub.settle import Settlement
from passerelle_hub.shadow import Shadow
from passerelle_hub.slots import TickTime
from passerelle_hub.standing import LocalStanding
from passerelle_hub.store import Database, Transaction
from passerelle_hub.store.leading import Leader
from passerelle_hub.store.policies import UNSIGNED, State
from passerelle_hub.transparency import Transparency
from passerelle_hub.weighing import ActiveWeights

_LOG = get_logger("hub")


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


@dataclass(frozen=True, slots=True)
class Core:
    """The hub's steps, wired."""

    foundation: Foundation
    database: Database
    registry: Registry
    audit: Audit
    decider: Decider
    following: Following
    decisions: Decisions
    intake: Intake
    settlement: Settlement
    comparisons: Comparisons
    answers: Answers
    outgoing: Outgoing
    holdings: Holdings
    access: Access
    transparency: Transparency
    guard: LogGuard
    retention: Retention
    reports: Reports
    evaluations: Evaluations
    queries: Queries
    judgements: Judgements
    pulse: Pulse
    epochs: TokenEpochs
    leader: Leader
    refused: calls.RefusedCalls

    def close(self) -> None:
        """Stop the policy engine, let another process lead, and give the database back."""
        self.following.close()
        self.leader.close()
        self.database.close()


def build_core(base: Foundation, database: Database) -> Core:
    """Wire the steps over a migrated database."""
    clock = base.clock
    audit = Audit(clock, EventSeal(base.pepper))
    registry = _registry(base, audit)
    decider, following, decisions = _deciding(base, audit)
    quota = Quota(clock, {**DEFAULT_LIMITS, **base.quotas}, base.quota_exceptions)
    transparency = Transparency(str(base.identity), base.signing_key, clock, audit)
    looks = Looks(decisions, audit, clock)
    linker, time = Linker(catalogue(), decisions, audit, clock, looks), TickTime(clock)
    notifier = _notifier(base, registry, decisions, audit, time)
    active = ActiveWeights(base.signers).change
    settlement = Settlement(database=database, linker=linker, notifier=notifier, audit=audit, weights=active)
    comparisons = Comparisons(database=database, rematch=settlement.rematch, audit=audit, clock=clock)
    refused, leader, epochs = calls.RefusedCalls(), Leader(database), TokenEpochs(base.domains, audit, clock)
    return Core(
        foundation=base,
        database=database,
        registry=registry,
        audit=audit,
        decider=decider,
        following=following,
        decisions=decisions,
        intake=_intake(base, database, registry, decisions, quota, audit),
        settlement=settlement,
        comparisons=comparisons,
        answers=Answers(database=database, quota=quota, audit=audit, clock=clock),
        outgoing=Outgoing(database, audit, base.guard),
        guard=base.guard,
        holdings=Holdings(
            hub=base.identity, database=database, key=base.signing_key, audit=audit, clock=clock
        ),
        access=Access(database=database, decisions=decisions, quota=quota, audit=audit, clock=clock),
        transparency=transparency,
        retention=Retention(database, audit, clock),
        reports=Reports(database=database, registry=registry, audit=audit, clock=clock),
        evaluations=Evaluations(database=database, audit=audit, clock=clock, tolerance=base.tolerance),
        queries=_queries(base, database, registry, decisions, quota, notifier, audit, active),
        judgements=_judgements(base, database, registry, decisions, quota, notifier, audit),
        pulse=Pulse(
            database=database,
            registry=registry,
            letters=DeadLetters(database, notifier),
            settlement=settlement,
            clustering=Clustering(database, audit, FirstDots(decisions, notifier)),
            comparisons=comparisons,
            transparency=transparency,
            leader=leader,
            flush=lambda: refused.flush(database, audit),
            follow=_each_tick(following, epochs),
            time=time,
        ),
        epochs=epochs,
        leader=leader,
        refused=refused,
    )


def _registry(base: Foundation, audit: Audit) -> Registry:
    federation = Federation(base.identity.trust_domain, base.home_roots)
    lists = Revocations(base.clock, required=base.require_lists)
    local = LocalStanding(federation, lists, audit, base.clock)
    return Registry(base.registry_key, federation, local, audit, base.clock)


def _each_tick(following: Following, epochs: TokenEpochs) -> Callable[[Transaction], None]:
    """What every process reads of the operator's decisions."""

    def follow(tx: Transaction) -> None:
        following.tick(tx)
        epochs.refresh(tx)

    return follow


def _intake(
    base: Foundation,
    database: Database,
    registry: Registry,
    decisions: Decisions,
    quota: Quota,
    audit: Audit,
) -> Intake:
    clock, table = base.clock, catalogue()
    return Intake(
        database=database,
        admission=Admission(base.identity, registry, base.domains, table, clock),
        decisions=decisions,
        quota=quota,
        pepper=Pepper(base.pepper),
        catalogue=table,
        audit=audit,
        receipts=Receipts(base.identity, base.signing_key, audit, clock),
        clock=clock,
    )


def _queries(
    base: Foundation,
    database: Database,
    registry: Registry,
    decisions: Decisions,
    quota: Quota,
    notifier: Notifier,
    audit: Audit,
    weights: Callable[[Transaction], bytes],
) -> Queries:
    return Queries(
        database=database,
        desk=Desk(base.identity, registry, base.domains, catalogue(), Pepper(base.pepper), weights),
        decisions=decisions,
        quota=quota,
        notifier=notifier,
        audit=audit,
        key=base.signing_key,
        clock=base.clock,
    )


def _judgements(
    base: Foundation,
    database: Database,
    registry: Registry,
    decisions: Decisions,
    quota: Quota,
    notifier: Notifier,
    audit: Audit,
) -> Judgements:
    return Judgements(
        hub=base.identity,
        database=database,
        registry=registry,
        decisions=decisions,
        quota=quota,
        notifier=notifier,
        audit=audit,
        key=base.signing_key,
        clock=base.clock,
    )


def _notifier(
    base: Foundation, registry: Registry, decisions: Decisions, audit: Audit, time: TickTime
) -> Notifier:
    return Notifier(
        hub=base.identity,
        director=base.director,
        registry=registry,
        decisions=decisions,
        audit=audit,
        key=base.signing_key,
        clock=time,
    )


def _deciding(base: Foundation, audit: Audit) -> tuple[Decider, Following, Decisions]:
    decider = Decider(base.engine, base.bundle, clock=base.clock, alarm=_alarm)
    shadow = Shadow(base.clock)
    following = Following(
        decider=decider,
        engine=base.engine,
        shadow=shadow,
        signers=base.signers,
        workshop=base.workshop,
        seen=base.policy_state,
    )
    return decider, following, Decisions(decider, audit, base.clock, following, shadow)


@dataclass(frozen=True, slots=True)
class Server:
    """A core behind its listener."""

    core: Core
    listener: Listener
    bell: Bell
    threads: Threads


def build_server(
    core: Core, address: str, material: TlsMaterial, *, writers: int = 1, share_port: bool = False
) -> Server:
    """Put the listener in front of a core; called on the event loop that will run it.

    Args:
        writers: threads that write; more than one where the database takes them.
        share_port: other processes may listen on the same address.
    """
    federation = core.registry.federation
    standings = Standings(federation, core.registry.local.revocations)
    gate = Gatekeeper(
        calls.RULES, federation, standings, calls.StepsCharge(), core.refused, core.foundation.clock
    )
    listener = create_server(address, gate, material, ServerLimits(share_port=share_port))
    bell, threads = Bell(), Threads(writers=writers)
    base = core.foundation
    add_servicers(
        listener.server,
        Exchange(
            intake=core.intake,
            outgoing=core.outgoing,
            holdings=core.holdings,
            access=core.access,
            bell=bell,
            threads=threads,
        ),
        Directory(
            announcement=Announcement(
                base.identity, base.domains, lambda: _tiers(core.decider.bundle), catalogue(), base.clock
            ),
            registry=core.registry,
            access=core.access,
            threads=threads,
        ),
    )
    reader = LogReader(core.database, core.transparency)
    witnesses = Witnesses(core.database, core.registry, core.audit, core.foundation.clock)
    search = LogSearch(core.database)
    log = Log(reader=reader, witnesses=witnesses, search=search, access=core.access, threads=threads)
    add_log(listener.server, log)
    reports = TrusteeReports(reports=core.reports, access=core.access, threads=threads)
    add_servicer(listener.server, reports)
    add_closer(listener.server, Closer(answers=core.answers, access=core.access, threads=threads))
    add_query(listener.server, Query(queries=core.queries, threads=threads))
    add_judgement(listener.server, Judgement(judgements=core.judgements, threads=threads))
    foreseer = Foreseer(core.decisions, base.director, base.domains.normaliser)
    add_explaining(
        listener.server,
        Administration(database=core.database, access=core.access, threads=threads),
        Preview(foreseer=foreseer, access=core.access, threads=threads),
    )
    return Server(core, listener, bell, threads)


def _tiers(bundle: Bundle) -> dict[str, tuple[str, ...]]:
    domains: Mapping[str, Mapping[str, list[str]]] = bundle.reference["domains"]
    return {name: tuple(row["tiers"]) for name, row in domains.items()}


def _alarm(package: str, detail: str) -> None:
    _LOG.error("policy.alarm", decision=package, detail=detail)
