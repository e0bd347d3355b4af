"""Lays out a whole federation below one folder, from the authorities to the configurations.

What an operator and its partners do by hand with the `pki`, `hub`, `trustee` and `connector` commands, done
by the same functions. The trustees' shares come from the development ceremony, whose dealer knows the keys.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from passerelle.certificate import Usage
from passerelle.clock import Clock
from passerelle_connector.enrol import enrol
from passerelle_demo.parties import (
    ENTRY,
    HUB,
    LEAF_KEY,
    TRUSTEES,
    Parties,
    Place,
    connector_identity,
    enrol_trustee,
    trustee_identity,
)
from passerelle_demo.processes import free_ports
from passerelle_demo.scenario import Cast, Scenario, policy_data
from passerelle_hub.enrol import KeyFiles
from passerelle_hub.enrol import enrol as enrol_hub
from passerelle_trustee.ceremony import GROUP_KEYS, SHARES, deal_for_development
from passerelle_trustee.share import write_shares

THRESHOLD = 2
_NO_LISTS = """\
[revocation]
required = false   # for development: no authority of a demonstration runs on to sign lists
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """A federation ready to start: configuration files by party, the ports of those that listen."""

    folder: Path
    hub: Path
    hub_port: int
    trustees: Mapping[int, Path]
    trustee_ports: Mapping[int, int]
    connectors: Mapping[str, Path]

    @property
    def hub_database(self) -> Path:
        """The hub's SQLite file."""
        return self.hub.parent / "hub.db"


def build(
    folder: Path, scenario: Scenario, policies: Path, clock: Clock, *, batch_records: int = 200
) -> Stage:
    """Found all parties and write their configurations."""
    parties = Parties(folder, clock)
    hub_port, *trustee_ports = free_ports(1 + TRUSTEES)
    ports = dict(enumerate(trustee_ports, start=1))
    hub = _hub(parties, clock)
    trustees = {index: parties.found(trustee_identity(index), Usage.SERVER) for index in ports}
    for index, place in trustees.items():
        manifest = enrol_trustee(parties, place, place.keys, clock)
        parties.register(place, f"Trustee {index}", manifest)
    members = {one.id: _agency(parties, one, clock) for one in scenario.parties}
    places = [hub, *trustees.values(), *members.values()]
    for place in places:
        _hand_out(place, places)
    _shares(scenario, trustees, members)
    (hub.folder / "policy-data").mkdir()
    for name, document in policy_data(scenario).items():
        (hub.folder / "policy-data" / name).write_text(json.dumps(document, indent=1), "utf-8")
    return Stage(
        folder=folder,
        hub=_write(hub.folder / "hub.toml", _hub_config(hub, hub_port, policies, scenario)),
        hub_port=hub_port,
        trustees={
            index: _write(place.folder / "trustee.toml", _trustee_config(place, ports[index], hub_port))
            for index, place in trustees.items()
        },
        trustee_ports=ports,
        connectors={
            one.id: _write(
                members[one.id].folder / "connector.toml",
                _connector_config(one, scenario, hub_port, ports, batch_records),
            )
            for one in scenario.parties
        },
    )


def _hub(parties: Parties, clock: Clock) -> Place:
    place = parties.found(HUB, Usage.SERVER)
    keys = place.keys
    files = KeyFiles(keys / "signing.key", keys / "manifest.key", keys / "pepper.key", keys / LEAF_KEY)
    made = enrol_hub(HUB, files, clock)
    parties.register(place, "Coordination centre", made.manifest.read_bytes())
    return place


def _agency(parties: Parties, one: Cast, clock: Clock) -> Place:
    place = parties.found(connector_identity(one.id), Usage.CLIENT)
    made = enrol(place.identity, place.keys, place.keys / LEAF_KEY, clock)
    parties.register(place, one.name, made.manifest.read_bytes())
    data = place.folder / "data"
    data.mkdir()
    for name, content in one.files.items():
        (data / name).write_bytes(content)
    return place


def _hand_out(place: Place, places: Sequence[Place]) -> None:
    """Everybody's entry, as it would come out of band, or with the registry's mail."""
    entries = place.folder / "entries"
    entries.mkdir()
    for other in places:
        name = f"{other.identity.agency}.entry"
        (entries / name).write_bytes((other.folder / ENTRY).read_bytes())


def _shares(scenario: Scenario, trustees: Mapping[int, Place], members: Mapping[str, Place]) -> None:
    dealt = deal_for_development([scenario.domain], trustees=TRUSTEES, threshold=THRESHOLD)
    for book in dealt.books:
        write_shares(trustees[book.index].folder / SHARES, book)
    for place in members.values():
        (place.folder / GROUP_KEYS).write_text(dealt.keys.to_json(), "utf-8")


def _write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def _hub_config(place: Place, port: int, policies: Path, scenario: Scenario) -> str:
    return f"""\
identity = "{place.identity}"
listen = "127.0.0.1:{port}"
database = "hub.db"
director = "{scenario.desk.id if scenario.desk else place.identity.agency}"

[policy]
folder = "{policies}"
data = "policy-data"

[domains]
{scenario.domain} = [1]

{_NO_LISTS}"""


def _trustee_config(place: Place, port: int, hub_port: int) -> str:
    return f"""\
identity = "{place.identity}"
listen = "127.0.0.1:{port}"

[hub]
address = "127.0.0.1:{hub_port}"
agency = "{HUB.agency}"

[reports]
seconds = 5

{_NO_LISTS}"""


def _connector_config(
    one: Cast, scenario: Scenario, hub_port: int, ports: Mapping[int, int], batch_records: int
) -> str:
    tiers = ", ".join(f'"{tier}"' for tier in scenario.tiers)
    trustees = "\n".join(
        f'[[trustees]]\nindex = {index}\naddress = "127.0.0.1:{port}"\n'
        f'agency = "{trustee_identity(index).agency}"\n'
        for index, port in ports.items()
    )
    return f"""\
identity = "{connector_identity(one.id)}"
domain = "{scenario.domain}"
development_keys = true
group_keys = "{GROUP_KEYS}"
tiers = [{tiers}]
batch_records = {batch_records}
scan_seconds = 3600
retry_seconds = 0.5

{one.mapping}
[hub]
address = "127.0.0.1:{hub_port}"
agency = "{HUB.agency}"

{_NO_LISTS}
{trustees}"""
