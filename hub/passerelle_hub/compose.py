"""Where the hub's steps are wired, without a socket; plain constructors, nothing else.

The simulator uses a core as it is; `compose_server` puts the listener in front of one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from passerelle.catalogue import catalogue
from passerelle.federation import Federation
from passerelle.log import get_logger
from passerelle.revocation import Revocations
from passerelle_hub import calls
from passerelle_hub.access import Access
from passerelle_hub.admit import Admission
from passerelle_hub.audit import Audit, EventSeal
from passerelle_hub.closer.looks import Answers, Comparisons, Looks
from passerelle_hub.clustering import Clustering
from passerelle_hub.decisions import Decisions
from passerelle_hub.epochs import TokenEpochs
from passerelle_hub.evaluations.reconcile import Evaluations
from passerelle_hub.evaluations.reports import Reports
from passerelle_hub.first_dot import FirstDots
from passerelle_hub.following import Following
from passerelle_hub.foundation import Foundation
from passerelle_hub.holdings import Holdings
from passerelle_hub.index import Pepper
from passerelle_hub.intake import Intake
from passerelle_hub.judge.judging import Judgements
from passerelle_hub.letters import DeadLetters
from passerelle_hub.logbook.guard import LogGuard
from passerelle_hub.match.links import Linker
from passerelle_hub.notice import Notices
from passerelle_hub.notify import Notifier
from passerelle_hub.outgoing import Outgoing
from passerelle_hub.policy.decide import Decider
from passerelle_hub.posting import Post
from passerelle_hub.pulse import Pulse
from passerelle_hub.query.ask import Desk, Queries
from passerelle_hub.quota import DEFAULT_LIMITS, Quota
from passerelle_hub.receipts import Receipts
from passerelle_hub.registry import Registry
from passerelle_hub.rescoring import Rescoring
from passerelle_hub.retention import Retention
from passerelle_hub.settle import Settlement
from passerelle_hub.shadow import Shadow
from passerelle_hub.slots import TickTime
from passerelle_hub.standing import LocalStanding
from passerelle_hub.store import Database, Transaction
from passerelle_hub.store.leading import Leader
from passerelle_hub.transparency import Transparency
from passerelle_hub.weighing import ActiveWeights

_LOG = get_logger("hub")


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
        answers=Answers(database=database, quota=quota, audit=audit, guard=base.guard, clock=clock),
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
            rescoring=Rescoring(database, settlement.rematch),
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
        admission=Admission(base.identity, registry, base.domains, table, Pepper(base.pepper), clock),
        decisions=decisions,
        quota=quota,
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
        guard=base.guard,
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
        director=base.director,
        registry=registry,
        decisions=decisions,
        audit=audit,
        notices=Notices(registry, time),
        post=Post(base.identity, audit, base.signing_key),
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


def _alarm(package: str, detail: str) -> None:
    _LOG.error("policy.alarm", decision=package, detail=detail)
