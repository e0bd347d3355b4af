"""`passerelle trustee`: what the operator of a trustee types.

Nothing secret is an argument and nothing secret is printed.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from passerelle.clock import SystemClock
from passerelle.config import load
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.log import configure
from passerelle_trustee.ceremony import WARNING, deal_for_development, write_for_development
from passerelle_trustee.compose import build_quota
from passerelle_trustee.config import TrusteeSettings
from passerelle_trustee.enrol import KeyFiles, enrol
from passerelle_trustee.run import serve, today
from passerelle_trustee.share import load_shares
from passerelle_trustee.store import Ledger

app = App(name="trustee", help="Hold a share of the token keys and evaluate under a budget.")

Config = Annotated[Path, Parameter(name="--config")]
AsJson = Annotated[bool, Parameter(name="--json", negative="")]
_DEFAULT = Path("trustee.toml")


@app.command
def init(*, config: Config = _DEFAULT) -> None:
    """Make keys, key manifest and certificate requests; what exists stays as it is.

    Args:
        config: the trustee's configuration.
    """
    settings = load(TrusteeSettings, config)
    files = KeyFiles(
        signing=settings.path(settings.keys.signing),
        manifest=settings.path(settings.keys.manifest),
        tls=settings.path(settings.tls.key),
        client=settings.path(settings.client.key),
    )
    made = enrol(Identity.parse(settings.identity), files, SystemClock())
    print(f"for the registry: {made.manifest}")
    print(f"for the authority: {made.server} (to listen), {made.client} (to call)")


@app.command
def run(*, config: Config = _DEFAULT) -> None:
    """Run the trustee until SIGTERM.

    Args:
        config: the trustee's configuration.
    """
    settings = load(TrusteeSettings, config)
    configure("trustee", settings.log_level)
    asyncio.run(serve(settings))


@app.command
def status(*, config: Config = _DEFAULT, as_json: AsJson = False) -> None:
    """Show the keys this trustee holds shares of, and what was billed today.

    Args:
        config: the trustee's configuration.
        as_json: print JSON.
    """
    settings = load(TrusteeSettings, config)
    figures = read_status(settings)
    if as_json:
        print(json.dumps(figures, indent=2))
        return
    console = Console()
    console.print(f"trustee {figures['index']}, keys by a {figures['ceremony']} ceremony")
    for title in ("shares", "billed_today"):
        rows: list[dict[str, Any]] = figures[title]
        table = Table(*(rows[0] if rows else ("none",)), title=title.replace("_", " "))
        for row in rows:
            table.add_row(*map(str, row.values()))
        console.print(table)


@app.command
def ceremony(
    folder: Path,
    *domains: str,
    development: bool = False,
    trustees: int = 3,
    threshold: int = 2,
    epoch: int = 1,
) -> None:
    """Deal keys on this machine alone: for development, never for real records.

    Args:
        folder: where the trustees' folders and the pinned keys go; nothing is overwritten.
        domains: for which domains.
        development: confirms that these keys are for development.
        trustees: how many trustees.
        threshold: how many of them answer together.
        epoch: the token epoch.
    """
    if not development or not domains:
        raise PasserelleError("config_invalid", "ceremony: needs --development and at least one domain")
    folder.mkdir(parents=True, exist_ok=True)
    dealt = deal_for_development(domains, (epoch,), trustees=trustees, threshold=threshold)
    for path in write_for_development(dealt, folder):
        print(path)
    print(WARNING)


def read_status(settings: TrusteeSettings) -> dict[str, Any]:
    """What `status` shows: public facts and counts.

    Raises:
        PasserelleError: `key_file_permissions`, `share_file_invalid`, `ledger_version`.
    """
    clock = SystemClock()
    book = load_shares(settings.path(settings.shares))
    ledger = Ledger(settings.path(settings.ledger))
    quota = build_quota(settings, ledger, clock)
    counts = quota.counts(today(clock))
    ledger.close()
    return {
        "index": book.index,
        "ceremony": str(book.ceremony),
        "shares": [
            {
                "domain": share.info.domain,
                "group": str(share.info.group),
                "epoch": share.info.epoch,
                "generation": share.info.generation,
                "quorum": f"{share.info.threshold} of {share.info.trustees}",
            }
            for share in book.shares
        ],
        "billed_today": [
            {
                "agency": count.agency,
                "group": str(count.group),
                "requests": count.requests,
                "elements": count.elements,
            }
            for count in counts
        ],
    }
