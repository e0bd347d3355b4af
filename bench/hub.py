"""A hub's core in this process with registered agencies: what the benchmarks of the hub stand on."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.figures import cpu_seconds
from hub_kit import FakeAgency
from parties import HUB

from passerelle.certificate import Usage
from passerelle.clock import Clock, ManualClock, SystemClock
from passerelle.csr import key_pem, make_request, new_key
from passerelle.identity import Identity
from passerelle.registry_entry import sign_entry
from passerelle.rpc.material import MemoryMaterial, TlsBytes
from passerelle.sign import SigningKey
from passerelle_demo.cli import POLICIES
from passerelle_hub import interpreter
from passerelle_hub.compose import Core, build_core
from passerelle_hub.domains import Domains
from passerelle_hub.foundation import Foundation
from passerelle_hub.policy.bundle import load_bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.store import Database
from passerelle_pki.authority import Authority
from passerelle_pki.ceremony import create_authority
from passerelle_pki.publish import Lists

_POLICY_DATA: Final = "policy-data"


@dataclass(frozen=True, slots=True)
class Grounds:
    """What all processes of one hub have in common, before any of them runs.

    `authorities` are every party's by trust domain, the hub's and those of the agencies `names`.
    """

    folder: Path
    url: str
    names: Sequence[str]
    authorities: Mapping[str, Authority]
    registry_key: SigningKey
    signing_key: SigningKey
    pepper: bytes
    clock: Clock


@dataclass(frozen=True, slots=True)
class BenchHub:
    """A core with everything on, its agencies, every party's authority by trust domain."""

    core: Core
    engine: EmbeddedEngine
    agencies: Mapping[str, FakeAgency]
    authorities: Mapping[str, Authority]

    def cpu_seconds(self) -> float:
        """CPU time of this process and of the policy engine's."""
        return cpu_seconds(pid for pid in self.engine.pids if pid is not None)


def lay(folder: Path, names: Sequence[str], url: str = "") -> Grounds:
    """Grounds in a new folder for a hub on an empty database, without `url` an SQLite file."""
    folder.mkdir()
    clock = SystemClock()
    domains = (HUB.trust_domain, *(f"{name}.example" for name in names))
    authorities = {domain: create_authority(folder / domain, domain, clock) for domain in domains}
    _policy_data(folder, names)
    return Grounds(
        folder=folder,
        url=url or f"sqlite:///{folder / 'hub.db'}",
        names=names,
        authorities=authorities,
        registry_key=SigningKey.generate(),
        signing_key=SigningKey.generate(),
        pepper=os.urandom(32),
        clock=clock,
    )


@contextmanager
def bench_hub(folder: Path, names: Sequence[str]) -> Generator[BenchHub]:
    """A hub of one process with registered agencies, on the machine's clock, its engine warm."""
    with first(lay(folder, names)) as hub:
        yield hub


@contextmanager
def first(grounds: Grounds) -> Generator[BenchHub]:
    """The hub's first process, this one: makes its tables and registers the agencies."""
    Database(grounds.url).migrate()
    with opened(grounds) as (core, engine):
        agencies = {name: _agency(name, grounds.authorities, grounds.clock) for name in grounds.names}
        with core.database.write() as tx:
            for one in agencies.values():
                core.registry.add(tx, sign_entry(grounds.registry_key, one.entry()))
        interpreter.settle()
        yield BenchHub(core, engine, agencies, grounds.authorities)


@contextmanager
def opened(grounds: Grounds) -> Generator[tuple[Core, EmbeddedEngine]]:
    """One process of the hub, this one, on the machine's clock: its core and its engine, which is warm."""
    bundle = load_bundle(POLICIES, grounds.folder / _POLICY_DATA)
    engine = EmbeddedEngine(bundle, workers=2)
    base = Foundation(
        identity=HUB,
        director="coordination",
        home_roots=grounds.authorities[HUB.trust_domain].roots,
        registry_key=grounds.registry_key.public,
        signing_key=grounds.signing_key,
        pepper=grounds.pepper,
        domains=Domains({"ter": (1,)}),
        bundle=bundle,
        engine=engine,
        clock=grounds.clock,
    )
    core = build_core(base, Database(grounds.url))
    try:
        engine.warm()
        with core.database.read() as tx:
            core.registry.refresh(tx)
        for domain, authority in grounds.authorities.items():
            lists = Lists(grounds.folder / domain, grounds.clock).current()
            core.registry.local.revocations.accept(domain, lists, authority.roots)
        interpreter.settle()
        yield core, engine
    finally:
        core.close()


def leaf(authority: Authority, identity: Identity, usage: Usage) -> MemoryMaterial:
    """Key and certificate of one party, in memory."""
    key = new_key()
    chain = authority.issue_leaf(identity, make_request(key, identity, usage), usage)
    return MemoryMaterial(TlsBytes(key_pem(key), chain))


def _agency(name: str, authorities: Mapping[str, Authority], clock: Clock) -> FakeAgency:
    """An agency whose statements are all dated now."""
    return FakeAgency(name, authorities[f"{name}.example"].roots, ManualClock(clock.now()))


def _policy_data(folder: Path, names: Sequence[str]) -> None:
    data = folder / _POLICY_DATA
    data.mkdir()
    agency = {
        "role": "basic",
        "status": "active",
        "rights": ["read", "write", "query"],
        "clearance": 5,
        "domains": ["ter"],
        "purposes": ["counter_terrorism", "counter_extremism", "threat_assessment"],
        "legal_bases": ["be_ter_2024", "be_ocam_2006"],
        "acts_as": ["connector", "analyst"],
        "shown_by_name": True,
        "threat_levels": True,
    }
    (data / "agencies.json").write_text(json.dumps(dict.fromkeys(names, agency)), "utf-8")
