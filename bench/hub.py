"""A hub's core in this process with registered agencies: what the benchmarks of the hub stand on."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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


@contextmanager
def bench_hub(folder: Path, names: Sequence[str], url: str = "") -> Generator[BenchHub]:
    """A hub on an empty database (without `url` an SQLite file), on the machine's clock, its engine warm."""
    folder.mkdir()
    clock = SystemClock()
    domains = [f"{name}.example" for name in names]
    authorities = {
        domain: create_authority(folder / domain, domain, clock) for domain in (HUB.trust_domain, *domains)
    }
    registry_key = SigningKey.generate()
    bundle = load_bundle(POLICIES, _policy_data(folder, names))
    engine = EmbeddedEngine(bundle, workers=2)
    base = Foundation(
        identity=HUB,
        director="coordination",
        home_roots=authorities[HUB.trust_domain].roots,
        registry_key=registry_key.public,
        signing_key=SigningKey.generate(),
        pepper=os.urandom(32),
        domains=Domains({"ter": (1,)}),
        bundle=bundle,
        engine=engine,
        clock=clock,
    )
    database = Database(url or f"sqlite:///{folder / 'hub.db'}")
    database.migrate()
    core = build_core(base, database)
    try:
        engine.warm()
        agencies = {name: _agency(name, authorities, clock) for name in names}
        with database.write() as tx:
            for one in agencies.values():
                core.registry.add(tx, sign_entry(registry_key, one.entry()))
        for domain in domains:
            lists = Lists(folder / domain, clock).current()
            core.registry.local.revocations.accept(domain, lists, authorities[domain].roots)
        interpreter.settle()
        yield BenchHub(core, engine, agencies, authorities)
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


def _policy_data(folder: Path, names: Sequence[str]) -> Path:
    data = folder / "policy-data"
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
    return data
