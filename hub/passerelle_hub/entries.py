"""The folder of signed registry entries, taken at the start and looked at while the hub runs."""

from __future__ import annotations

from pathlib import Path

from passerelle.entry_files import EntryFile, entry_files, entry_of, entry_paths, read_entry
from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle_hub.compose import Core
from passerelle_hub.config import HubSettings
from passerelle_hub.store import Transaction

_LOG = get_logger("hub")


def begin_with_entries(core: Core, settings: HubSettings) -> None:
    """Take what the folder holds at the start. The table is the truth: who knows anybody starts.

    Raises:
        PasserelleError: `entry_file_invalid`; nobody is known, and a file of the folder is damaged.
    """
    damaged = take_entries(core, settings)
    if damaged and not core.registry.members():
        raise damaged[0]


def take_entries(core: Core, settings: HubSettings) -> tuple[PasserelleError, ...]:
    """Take what the folder of entries holds and the table does not; read again while the hub runs.

    A damaged file keeps no other from being taken. Returns what each of them is refused with
    (`entry_file_invalid`, the detail names the file), which is logged as well, at each look.
    """
    files, damaged = _sound(settings.path(settings.registry.entries))
    known = {*core.registry.signed_entries(), *core.registry.refused}
    found = [one for one in files if one.signed not in known]
    if found:
        with core.database.write() as tx:
            core.database.alone(tx)
            core.registry.refresh(tx)  # another process may have taken them
            known = {*core.registry.signed_entries()}
            for one in found:
                if one.signed not in known:
                    try:
                        with entry_of(one.path):
                            _add(core, tx, one)
                    except PasserelleError as error:
                        damaged.append(error)
    for fault in damaged:
        _LOG.error("entry.damaged", code=fault.code, detail=fault.detail)
    return tuple(damaged)


def _sound(folder: Path) -> tuple[list[EntryFile], list[PasserelleError]]:
    """What can be read of the folder, and what is wrong with the rest; an absent folder holds nothing."""
    files, damaged = list[EntryFile](), list[PasserelleError]()
    for path in entry_paths(folder) if folder.is_dir() else ():
        try:
            files.append(read_entry(path))
        except PasserelleError as error:
            damaged.append(error)
        except OSError as error:
            damaged.append(PasserelleError("entry_file_invalid", f"{path.name}: {error.strerror}"))
    return files, damaged


def _add(core: Core, tx: Transaction, one: EntryFile) -> None:
    """Take an entry of the folder; one older than the table's is left out and is no fault."""
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
