"""Prepare a trial of docker-compose.yml: keys, certificates, entries and shares of a fictional federation.

    .venv/bin/python docker/prepare.py docker [--owner 10001:10001]

Writes `secrets/<party>` (mode 0600), `material/<party>` (public: chain, roots, registry key, entries, group
keys) and `sources/<agency>` (an invented row each) below the folder named, and refuses where one exists. In
production every party makes its own keys on its own machine, only requests, manifests and entries travel, and
the root's key is locked away. Here one process sees everything and then deletes the root's key: for trial and
test only.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from passerelle.certificate import Usage
from passerelle.clock import Clock, SystemClock
from passerelle.identity import Identity, Role
from passerelle.keyfile import write_private
from passerelle.revocation import SUFFIX
from passerelle_connector.enrol import enrol
from passerelle_demo.parties import (
    CLIENT,
    CLIENT_KEY,
    ENTRY,
    LEAF,
    LEAF_KEY,
    REGISTRY_KEY,
    ROOTS,
    Parties,
    Place,
    enrol_hub,
    enrol_trustee,
)
from passerelle_pki.ceremony import OFFLINE_FOLDER
from passerelle_pki.publish import Lists
from passerelle_trustee.ceremony import GROUP_KEYS, deal_for_development, write_for_development

TRUST_DOMAIN = "federation.example"
HUB = Identity(TRUST_DOMAIN, Role.HUB, "exchange")
TRUSTEES = tuple(Identity(TRUST_DOMAIN, Role.TRUSTEE, f"trustee-{index}") for index in (1, 2, 3))
AGENCIES = tuple(Identity(TRUST_DOMAIN, Role.CONNECTOR, name) for name in ("police", "prisons"))
LISTS = "lists"
DOMAIN, EPOCH, THRESHOLD = "ter", 1, 2
ROWS = {
    "police": "id,nrn,surname,given,born,phones\np-1,,Invented,Ada,05/03/1981,+32 460 00 00 01\n",
    "prisons": "id,nn,naam,voornaam,geb\nd-7,,INVENTED,Ada,1981-03-05\n",
}


def prepare(target: Path, clock: Clock) -> None:
    """Write everything below `target`.

    Raises:
        FileExistsError: a part is there already; nothing of it is touched.
    """
    for name in ("secrets", "material", "sources"):
        (target / name).mkdir(mode=0o711 if name == "secrets" else 0o755)
    pki, postgres = target / "secrets" / "pki", target / "secrets" / "postgres"
    pki.mkdir()
    postgres.mkdir()
    password = secrets.token_urlsafe(32)
    write_private(postgres / "password", password.encode())
    parties = Parties(pki, clock)
    hub = _hub(parties, target / "secrets" / "hub", clock)
    line = f"postgres:5432:passerelle:passerelle:{password}\n"  # the form of libpq's password file
    write_private(target / "secrets" / "hub" / "database.pgpass", line.encode())
    trustees = [parties.found(identity, Usage.SERVER) for identity in TRUSTEES]
    for place in trustees:
        _trustee(parties, place, target / "secrets" / place.identity.agency, clock)
    places = [hub, *trustees, *(_agency(parties, identity, target, clock) for identity in AGENCIES)]
    for place in places:
        _hand_out(place, places, target)
    _lists(pki / "authorities" / TRUST_DOMAIN, target / "material" / LISTS, clock)
    _shares(target)
    for place in places:
        shutil.rmtree(place.folder)
    shutil.rmtree(pki / "authorities" / TRUST_DOMAIN / OFFLINE_FOLDER)


def _hub(parties: Parties, folder: Path, clock: Clock) -> Place:
    place = parties.found(HUB, Usage.SERVER)
    folder.mkdir()
    parties.register(place, "Exchange", enrol_hub(place, folder, clock))
    return place


def _trustee(parties: Parties, place: Place, folder: Path, clock: Clock) -> None:
    folder.mkdir()
    parties.register(place, place.identity.agency, enrol_trustee(parties, place, folder, clock))


def _agency(parties: Parties, identity: Identity, target: Path, clock: Clock) -> Place:
    place = parties.found(identity, Usage.CLIENT)
    folder = target / "secrets" / identity.agency
    made = enrol(identity, folder, place.keys / LEAF_KEY, clock)
    parties.register(place, identity.agency.capitalize(), made.manifest.read_bytes())
    source = target / "sources" / identity.agency
    source.mkdir()
    (source / "rows.csv").write_text(ROWS[identity.agency], "utf-8")
    return place


def _hand_out(place: Place, places: Sequence[Place], target: Path) -> None:
    """The leaf's key goes to the party's secrets, everything public to its material."""
    name = "hub" if place.identity == HUB else place.identity.agency
    key, material = target / "secrets" / name, target / "material" / name
    key.mkdir(exist_ok=True)
    write_private(key / LEAF_KEY, (place.keys / LEAF_KEY).read_bytes())
    (material / "entries").mkdir(parents=True)
    shutil.copyfile(place.keys / LEAF, material / "leaf.pem")
    if (place.keys / CLIENT).exists():
        write_private(key / CLIENT_KEY, (place.keys / CLIENT_KEY).read_bytes())
        shutil.copyfile(place.keys / CLIENT, material / CLIENT)
    shutil.copyfile(place.keys / ROOTS, material / "roots.pem")
    shutil.copyfile(place.folder / REGISTRY_KEY, material / "registry.pub")
    for other in places:
        shutil.copyfile(other.folder / ENTRY, material / "entries" / f"{other.identity.agency}.entry")


def _lists(authority: Path, folder: Path, clock: Clock) -> None:
    """The first list of revoked certificates; pki replaces it in the same folder."""
    folder.mkdir()
    (folder / f"{TRUST_DOMAIN}{SUFFIX}").write_bytes(Lists(authority, clock).current())


def _shares(target: Path) -> None:
    """Each trustee's shares to its secrets, the group keys to the agencies that pin them."""
    dealt = deal_for_development((DOMAIN,), (EPOCH,), trustees=len(TRUSTEES), threshold=THRESHOLD)
    write_for_development(dealt, target / "secrets")
    for identity in AGENCIES:
        shutil.copyfile(target / "secrets" / GROUP_KEYS, target / "material" / identity.agency / GROUP_KEYS)


def _own(target: Path, owner: str) -> None:
    """Give the secrets to the user inside the containers, PostgreSQL's to its own."""
    user, _, group = owner.partition(":")
    lists = target / "material" / LISTS
    for path in (lists, *lists.iterdir(), *sorted((target / "secrets").rglob("*"))):
        uid, gid = (
            (70, 70) if path.is_relative_to(target / "secrets" / "postgres") else (int(user), int(group))
        )
        os.chown(path, uid, gid)


def main() -> None:
    """Read the command line, prepare, and say what comes next."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("target", type=Path)
    parser.add_argument("--owner", help="uid:gid of the roles inside their containers; needs root")
    options = parser.parse_args()
    prepare(options.target, SystemClock())
    if options.owner:
        _own(options.target, options.owner)
    sys.stdout.write(f"prepared below {options.target}; next: docker compose up --build\n")


if __name__ == "__main__":
    main()
