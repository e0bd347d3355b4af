"""Commands of the authority: ceremony, leaves by hand, entries, inventory, the listener.

What people decide (codes, approvals, revocation, suspension, roll-over) stands in `people_cli`.
Nothing secret is an argument: keys are files of mode 0600 in the folders that the configuration names.
"""

from __future__ import annotations

import asyncio
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from passerelle.certificate import Usage
from passerelle.cli import FAILURE, OK
from passerelle.clock import SystemClock, moment
from passerelle.codec.signed import encode_signed
from passerelle.config import load
from passerelle.display import show_table
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.invitation import grouped
from passerelle.log import configure
from passerelle.registry_entry import Status
from passerelle_pki import people_cli
from passerelle_pki.authority import DATABASE_FILE, open_authority
from passerelle_pki.ceremony import hold, read_ceremony
from passerelle_pki.config import PkiSettings
from passerelle_pki.inventory import Line, authorities, leaves
from passerelle_pki.invitation import fingerprint
from passerelle_pki.registry import KEY_FILE, Party, create_registry, open_registry
from passerelle_pki.run import serve
from passerelle_pki.store import open_database
from passerelle_pki.store.enrolments import EnrolmentStore
from passerelle_pki.store.events import EventStore

app = App(name="pki", help="The certificate authority of a trust domain, and the registry.")
app.command(people_cli.operator)
app.command(people_cli.enrol_code, name="enrol-code")
app.command(people_cli.approve)
app.command(people_cli.reject)
app.command(people_cli.revoke)
app.command(people_cli.suspend)
app.command(people_cli.resume)
app.command(people_cli.rollover)
app.command(people_cli.export)
app.command(people_cli.import_, name="import")
Config = Annotated[Path, Parameter(name="--config")]
DEFAULT_CONFIG = Path("pki.toml")
CLOCK = SystemClock()


@app.command
def init(ceremony: Path, *, registry: bool = False, config: Config = DEFAULT_CONFIG) -> None:
    """Hold the ceremony that a reviewed YAML file describes.

    Args:
        ceremony: the description; see docs/operate/authority.md.
        registry: also make the key of the federation's registry.
        config: configuration file.
    """
    settings = load(PkiSettings, config)
    folder = settings.path(settings.authority)
    described = read_ceremony(ceremony)
    authority = hold(described, folder, CLOCK, ceremony.read_bytes())
    print(f"authority of {authority.trust_domain} in {folder}")
    if described.external_roots is None:
        print(f"root {fingerprint(authority)}\nnow move {folder / 'offline'} to safe storage")
    if registry:
        made = create_registry(settings.path(settings.registry), CLOCK)
        print(f"registry key {made.public_key.key_id.hex()}")


@app.command
def issue(request: Path, *, identity: str, usage: Usage, out: Path, config: Config = DEFAULT_CONFIG) -> None:
    """Issue a leaf for a request, if it asks for exactly this identity and use.

    Args:
        request: the request (PEM), made by the party itself.
        identity: the approved identity, spiffe://<trust domain>/<role>/<agency>.
        usage: client or server.
        out: where the chain (PEM) goes.
        config: configuration file.
    """
    settings = load(PkiSettings, config)
    authority = open_authority(settings.path(settings.authority), CLOCK)
    out.write_bytes(authority.issue_leaf(Identity.parse(identity), _read(request), usage))


@app.command
def entry(description: Path, *, out: Path, config: Config = DEFAULT_CONFIG) -> None:
    """Publish a new revision of a party's registry entry.

    Args:
        description: TOML with agency, trust_domain, roles, name, roots (file), and optionally manifest
            (file) and status; files are relative to it.
        out: where the signed entry goes.
        config: configuration file.
    """
    settings = load(PkiSettings, config)
    registry = open_registry(settings.path(settings.registry), CLOCK)
    out.write_bytes(encode_signed(registry.publish(read_party(description))))


@app.command
def run(*, config: Config = DEFAULT_CONFIG) -> None:
    """Answer newcomers, renew leaves, publish entries and lists, until SIGTERM.

    Args:
        config: configuration file.
    """
    settings = load(PkiSettings, config)
    configure("pki", settings.log_level)
    asyncio.run(serve(settings, CLOCK))


@app.command(name="list")
def list_(
    *,
    warnings: bool = False,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
    config: Config = DEFAULT_CONFIG,
) -> int:
    """List authorities, certificates, parties and enrolments; with --warnings, what somebody has to act on.

    Exit code 1 with --warnings where there is any.

    Args:
        warnings: only what is overdue, to be renewed, or ends within 30, 14, 7 or 1 days.
        as_json: print JSON instead of tables.
        config: configuration file.
    """
    settings = load(PkiSettings, config)
    folder = settings.path(settings.authority)
    lines = {"authorities": authorities(folder, CLOCK), "certificates": leaves(folder, CLOCK)}
    tables = {
        title: [_shown(line) for line in found if line.warns or not warnings]
        for title, found in lines.items()
    }
    if not warnings:
        tables |= {"parties": _parties(settings), "enrolments": _enrolments(folder)}
    if as_json:
        print(json.dumps(tables, indent=2))
    else:
        for title, rows in tables.items():
            show_table(title, rows)
    return FAILURE if warnings and any(tables.values()) else OK


@app.command
def events(
    *, as_json: Annotated[bool, Parameter(name="--json")] = False, config: Config = DEFAULT_CONFIG
) -> None:
    """Show the authority's book: who did what, oldest first.

    Args:
        as_json: print JSON.
        config: configuration file.
    """
    settings = load(PkiSettings, config)
    book = EventStore(open_database(settings.path(settings.authority) / DATABASE_FILE)).all()
    if as_json:
        rows = [{"at": one.at, "kind": one.kind, "actor": one.actor, **one.detail} for one in book]
        print(json.dumps(rows, indent=2))
        return
    for one in book:
        detail = " ".join(f"{name}={value}" for name, value in one.detail.items())
        print(f"{moment(one.at).isoformat()} {one.kind} {one.actor} {detail}")


def read_party(description: Path) -> Party:
    """A party from its description.

    Raises:
        PasserelleError: `registry_entry_invalid`.
    """
    try:
        fields: dict[str, Any] = tomllib.loads(description.read_text("utf-8"))
        manifest = fields.pop("manifest", None)
        party = Party(
            agency=fields.pop("agency"),
            trust_domain=fields.pop("trust_domain"),
            roles=tuple(Role(role) for role in fields.pop("roles")),
            name=fields.pop("name"),
            roots_pem=(description.parent / fields.pop("roots")).read_bytes(),
            manifest=(description.parent / manifest).read_bytes() if manifest else b"",
            status=Status(fields.pop("status", "active")),
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise PasserelleError("registry_entry_invalid", f"{description.name}: {error!r}") from error
    if fields:
        raise PasserelleError("registry_entry_invalid", f"{description.name}: {', '.join(sorted(fields))}")
    return party


def _shown(line: Line) -> dict[str, str]:
    return {
        "what": line.what,
        "serial": f"{line.serial:x}",
        "expires": moment(line.until).isoformat(),
        "days": str(line.days),
        "state": f"{line.word}, within {line.threshold} days" if line.threshold else str(line.word),
    }


def _enrolments(folder: Path) -> list[dict[str, str]]:
    return [
        {
            "identity": str(one.identity),
            "state": str(one.state),
            "code by": one.made_by,
            "decided by": one.decided_by,
            "digest": grouped(one.digest.hex()),
        }
        for one in EnrolmentStore(open_database(folder / DATABASE_FILE)).all()
    ]


def _parties(settings: PkiSettings) -> list[dict[str, str]]:
    folder = settings.path(settings.registry)
    if not (folder / KEY_FILE).exists():
        return []
    return [
        {
            "agency": entry.agency,
            "trust_domain": entry.trust_domain,
            "roles": " ".join(entry.roles),
            "status": str(entry.status),
            "revision": str(entry.revision),
        }
        for entry in open_registry(folder, CLOCK).entries()
    ]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise PasserelleError("request_invalid", f"{file.name}: {type(error).__name__}") from error
