"""`passerelle trustee`: what the operator of a trustee types.

Nothing secret is an argument and nothing secret is printed.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from passerelle.clock import SystemClock
from passerelle.config import load
from passerelle.display import show_table
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.log import configure
from passerelle.newcomer_cli import enrol_command
from passerelle_trustee.ceremonies.desk import Ceremonies
from passerelle_trustee.ceremony import WARNING, deal_for_development, write_for_development
from passerelle_trustee.compose import build_ceremonies, build_quota, load_register, open_shelf
from passerelle_trustee.config import TrusteeSettings
from passerelle_trustee.enrol import KeyFiles, enrol
from passerelle_trustee.joining import JOINING
from passerelle_trustee.run import serve, today
from passerelle_trustee.shelf import erase_shares
from passerelle_trustee.store import Ledger

app = App(name="trustee", help="Hold a share of the token keys and evaluate under a budget.")
ceremony = App(name="ceremony", help="Make keys together with the other trustees, or deal their shares anew.")
app.command(ceremony)
app.command(enrol_command(JOINING, "set listen in trustee.toml, then `passerelle trustee run`"), name="enrol")

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
        sealing=settings.path(settings.keys.sealing),
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
    print(f"trustee {figures['index']}, keys by a {figures['ceremony']} ceremony")
    _show({title: figures[title] for title in ("shares", "billed_today")}, as_json=False)


@ceremony.command
def development(folder: Path, *domains: str, trustees: int = 3, threshold: int = 2, epoch: int = 1) -> None:
    """Deal keys on this machine alone: for development, never for real records.

    Args:
        folder: where the trustees' folders and the pinned keys go; nothing is overwritten.
        domains: for which domains.
        trustees: how many trustees.
        threshold: how many of them answer together.
        epoch: the token epoch.
    """
    if not domains:
        raise PasserelleError("config_invalid", "ceremony: needs at least one domain")
    folder.mkdir(parents=True, exist_ok=True)
    dealt = deal_for_development(domains, (epoch,), trustees=trustees, threshold=threshold)
    for path in write_for_development(dealt, folder):
        print(path)
    print(WARNING)


@ceremony.command
def join(agreement: Path, /, *, config: Config = _DEFAULT) -> None:
    """Take part in a key ceremony; the trustee that runs carries it on.

    Args:
        agreement: the file that all trustees' operators agreed on.
        config: the trustee's configuration.
    """
    joined = _ceremonies(load(TrusteeSettings, config)).join(agreement)
    print(f"joined {joined.plan.ceremony.hex()}")
    print(f"compare with the other trustees' operators: agreement {joined.digest().hex()[:32]}")


@ceremony.command(name="status")
def ceremony_status(*, config: Config = _DEFAULT, as_json: AsJson = False) -> None:
    """Show each ceremony: how far it is, whom it waits for, or why it failed and whose fault it is.

    Args:
        config: the trustee's configuration.
        as_json: print JSON.
    """
    settings = load(TrusteeSettings, config)
    rows = [
        {
            "ceremony": name,
            "agreement": agreement.digest().hex()[:32],
            "keys": len(agreement.plan.keys),
            "generation": agreement.plan.generation,
            "stage": standing.stage.value,
            "waits_for": " ".join(standing.waits_for),
            "code": standing.code,
            "culprit": standing.culprit,
        }
        for name, (agreement, standing) in _ceremonies(settings).standings().items()
    ]
    _show({"ceremonies": rows}, as_json=as_json)


@ceremony.command
def erase(ceremony_id: str, /, *, config: Config = _DEFAULT) -> None:
    """Erase the shares that a finished ceremony made, once a later one dealt the same keys anew.

    Args:
        ceremony_id: which one, as `status` shows it.
        config: the trustee's configuration.
    """
    settings = load(TrusteeSettings, config)
    erase_shares(settings.path(settings.ceremonies), ceremony_id, open_shelf(settings))
    print(f"erased the shares of {ceremony_id}")


def _ceremonies(settings: TrusteeSettings) -> Ceremonies:
    return build_ceremonies(settings, load_register(settings), open_shelf(settings), SystemClock())


def _show(tables: dict[str, list[dict[str, Any]]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(tables, indent=2))
        return
    for title, rows in tables.items():
        show_table(title.replace("_", " "), rows)


def read_status(settings: TrusteeSettings) -> dict[str, Any]:
    """What `status` shows: public facts and counts.

    Raises:
        PasserelleError: `key_file_permissions`, `share_file_invalid`, `ledger_version`.
    """
    clock = SystemClock()
    shelf = open_shelf(settings)
    ledger = Ledger(settings.path(settings.ledger))
    quota = build_quota(settings, ledger, clock)
    counts = quota.counts(today(clock))
    ledger.close()
    return {
        "index": shelf.index,
        "ceremony": " ".join(sorted({str(book.ceremony) for book in shelf.books})) or "no",
        "shares": [
            {
                "domain": share.info.domain,
                "group": str(share.info.group),
                "epoch": share.info.epoch,
                "generation": share.info.generation,
                "quorum": f"{share.info.threshold} of {share.info.trustees}",
            }
            for share in shelf.shares
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
