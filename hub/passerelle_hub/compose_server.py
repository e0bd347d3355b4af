"""Wiring of the listener in front of a core; a part of `compose`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from passerelle.catalogue import catalogue
from passerelle.revocation import Standings
from passerelle.rpc.admission import Gatekeeper
from passerelle.rpc.material import TlsMaterial
from passerelle.rpc.server import Listener, ServerLimits, create_server
from passerelle_hub import calls
from passerelle_hub.closer.service import Closer
from passerelle_hub.closer.service import add_servicer as add_closer
from passerelle_hub.compose import Core
from passerelle_hub.evaluations.service import TrusteeReports, add_servicer
from passerelle_hub.explain.foresight import Foreseer
from passerelle_hub.explain.service import Administration, Preview
from passerelle_hub.explain.service import add_servicers as add_explaining
from passerelle_hub.judge.service import Judgement
from passerelle_hub.judge.service import add_servicer as add_judgement
from passerelle_hub.logbook.reading import LogReader
from passerelle_hub.logbook.search import LogSearch
from passerelle_hub.logbook.service import Log, add_log
from passerelle_hub.logbook.witnesses import Witnesses
from passerelle_hub.outgoing import Bell
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.query.service import Query
from passerelle_hub.query.service import add_servicer as add_query
from passerelle_hub.service import Announcement, Directory, Exchange, Threads, add_servicers


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
