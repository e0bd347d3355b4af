"""The folder of signed registry entries, taken at the start and looked at while the hub runs."""

from __future__ import annotations

from pathlib import Path

from passerelle.entry_files import EntryFile, entry_files, entry_of
from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle_hub.compose import Core
from passerelle_hub.config import HubSettings
from passerelle_hub.store import Transaction

_LOG = get_logger("hub")


def take_entries(core: Core, settings: HubSettings) -> None:
    """Take what the folder of entries holds and the table does not; read again while the hub runs.

    Raises:
        PasserelleError: `entry_file_invalid`; nothing of the folder was taken.
    """
    known = {*core.registry.signed_entries(), *core.registry.refused}
    files = stored_entries(settings.path(settings.registry.entries))
    found = [one for one in files if one.signed not in known]
    if found:
        with core.database.write() as tx:
            core.database.alone(tx)
            core.registry.refresh(tx)  # another process may have taken them
            known = {*core.registry.signed_entries()}
            for one in found:
                if one.signed not in known:
                    with entry_of(one.path):
                        _add(core, tx, one)


def _add(core: Core, tx: Transaction, one: EntryFile) -> None:
    """Take an entry of the folder; one older than the table's is left out and no reason not to start."""
    try:
        with tx.begin_nested():
            core.registry.add(tx, one.signed)
    except PasserelleError as error:
        if error.code != "registry_entry_invalid":
            raise
        core.registry.refused.add(one.signed)
        _LOG.warning("entry.refused", code=error.code, detail=f"{one.path.name}: {error.detail}")


def stored_entries(folder: Path) -> tuple[EntryFile, ...]:
    """The signed registry entries of a folder, by name of the file; an absent folder holds none.

    Raises:
        PasserelleError: `entry_file_invalid`.
    """
    return entry_files(folder) if folder.is_dir() else ()
