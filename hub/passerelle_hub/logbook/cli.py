"""`passerelle hub export-log`: the log and what the hub holds, for a verifier without a hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from passerelle.config import load
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle_hub.config import HubSettings
from passerelle_hub.logbook.export import Exporter
from passerelle_hub.store import Database

Config = Annotated[Path, Parameter(name="--config")]


def export_log(folder: Path, /, *, config: Config = Path("hub.toml")) -> None:
    """Write the log and what the hub holds into a new folder, for `passerelle audit verify`.

    Args:
        folder: where to; it must not be there yet.
        config: the hub's configuration.
    """
    settings = load(HubSettings, config)
    database = Database(settings.database_url)
    try:
        ticks = Exporter(database, Identity.parse(settings.identity)).write(folder)
    except FileExistsError as error:
        raise PasserelleError("export_exists", "the folder is there already") from error
    finally:
        database.close()
    print(f"{folder}: {ticks} ticks; verify it with passerelle audit verify --offline {folder}")
