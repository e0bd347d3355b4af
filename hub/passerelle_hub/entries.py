"""The folder of signed registry entries, taken at the start and looked at while the hub runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from passerelle.codec.signed import decode_signed
from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle.sign import Signed
from passerelle_hub.compose import Core
from passerelle_hub.config import HubSettings
from passerelle_hub.store import Transaction

_LOG = get_logger("hub")


def take_entries(core: Core, settings: HubSettings) -> None:
    """Take what the folder of entries holds and the table does not; read again while the hub runs."""
    known = {*core.registry.signed_entries(), *core.registry.refused}
    found = [one for one in stored_entries(settings.path(settings.registry.entries)) if one not in known]
    if found:
        with core.database.write() as tx:
            core.database.alone(tx)
            core.registry.refresh(tx)  # another process may have taken them
            known = {*core.registry.signed_entries()}
            for signed in found:
                if signed not in known:
                    _add(core, tx, signed)


def _add(core: Core, tx: Transaction, signed: Signed) -> None:
    """Take an entry of the folder; one older than the table's is left out and no reason not to start."""
    try:
        with tx.begin_nested():
            core.registry.add(tx, signed)
    except PasserelleError as error:
        if error.code != "registry_entry_invalid":
            raise
        core.registry.refused.add(signed)
        _LOG.warning("entry.refused", code=error.code, detail=error.detail)


def stored_entries(folder: Path) -> Iterator[Signed]:
    """The signed registry entries of a folder, by name of the file."""
    for path in sorted(folder.glob("*.entry")):
        yield decode_signed(path.read_bytes())
