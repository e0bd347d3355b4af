"""Commands of the authority: `passerelle pki init | issue | entry | list | run`.

Nothing secret is an argument: keys are files of mode 0600 in the folders that the configuration names.
"""

from __future__ import annotations

import asyncio
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from passerelle.certificate import Usage
from passerelle.clock import SystemClock, moment
from passerelle.codec.signed import encode_signed
from passerelle.config import load
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.log import configure
from passerelle.registry_entry import Status
from passerelle_pki.authority import open_authority
from passerelle_pki.ceremony import hold, read_ceremony
from passerelle_pki.config import PkiSettings
from passerelle_pki.registry import KEY_FILE, Party, create_registry, open_registry
from passerelle_pki.run import serve

app = App(name="pki", help="The certificate authority of a trust domain, and the registry.")
Config = Annotated[Path, Parameter(name="--config")]
DEFAULT_CONFIG = Path("pki.toml")
CLOCK = SystemClock()


@app.command
def init(ceremony: Path, *, registry: bool = False, config: Config = DEFAULT_CONFIG) -> None:
    """Hold the ceremony that a reviewed TOML file describes.

    Args:
        ceremony: the description: trust_domain, optionally root_days and issuing_days.
        registry: also make the key of the federation's registry.
        config: configuration file.
    """
    settings = load(PkiSettings, config)
    folder = settings.path(settings.authority)
    authority = hold(read_ceremony(ceremony), folder, CLOCK)
    print(f"authority of {authority.trust_domain} in {folder}; now move {folder / 'offline'} to safe storage")
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
    """Renew leaves for parties that sign with their manifest key, until SIGTERM.

    Args:
        config: configuration file.
    """
    settings = load(PkiSettings, config)
    configure("pki", settings.log_level)
    asyncio.run(serve(settings, CLOCK))


@app.command(name="list")
def list_(
    *, as_json: Annotated[bool, Parameter(name="--json")] = False, config: Config = DEFAULT_CONFIG
) -> None:
    """List the certificates issued and the parties registered.

    Args:
        as_json: print JSON instead of tables.
        config: configuration file.
    """
    settings = load(PkiSettings, config)
    leaves = _leaves(settings)
    parties = _parties(settings)
    if as_json:
        print(json.dumps({"certificates": leaves, "parties": parties}, indent=2))
        return
    console = Console()
    for title, rows in (("certificates", leaves), ("parties", parties)):
        table = Table(*(rows[0] if rows else ("none",)), title=title)
        for row in rows:
            table.add_row(*map(str, row.values()))
        console.print(table)


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


def _leaves(settings: PkiSettings) -> list[dict[str, str]]:
    authority = open_authority(settings.path(settings.authority), CLOCK)
    return [
        {
            "identity": str(leaf.identity),
            "usage": str(leaf.usage),
            "serial": f"{leaf.serial:x}",
            "expires": moment(leaf.not_after).isoformat(),
        }
        for leaf in authority.store.issued()
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
