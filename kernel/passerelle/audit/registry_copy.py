"""A supervisor's copy of the registry: entries that the hub hands on are laid beside those that lie there.

The hub can neither make nor change an entry: one counts if the registry's key signed it and it is newer than
the one of its agency that lies here, and it replaces that one's file. Every other is logged and left out.
A hub can keep entries back; what the registry publishes may be laid here by hand at any time, as before.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from passerelle.codec.signed import encode_signed
from passerelle.entry_files import SUFFIX, entry_files
from passerelle.errors import PasserelleError
from passerelle.federation import Federation
from passerelle.keyfile import write_durably
from passerelle.log import get_logger
from passerelle.registry_entry import verify_entry
from passerelle.sign import Signed, VerifyingKey

_LOG: Final = get_logger("supervisor")
_MODE: Final = 0o644


def take(handed: Iterable[Signed], key: VerifyingKey, known: Federation, folder: Path) -> int:
    """Lay down the entries that are newer than those of the folder, which `known` holds; returns how many.

    Raises:
        PasserelleError: `entry_file_invalid`, a file that lies there.
        OSError: the folder cannot be read or written.
    """
    files = sorted(
        ((one.verified(key), one.path) for one in entry_files(folder)), key=lambda found: found[0].revision
    )
    places = {entry.agency: path for entry, path in files}
    revisions = {entry.agency: entry.revision for entry, _ in files}
    taken = 0
    for signed in handed:
        try:
            entry = verify_entry(signed, key)
            if revisions.get(entry.agency, 0) >= entry.revision:
                continue
            known.accept(entry)
        except PasserelleError as error:
            _LOG.warning("entry.refused", code=error.code, detail=error.detail)
            continue
        place = places.get(entry.agency, folder / f"{entry.agency}{SUFFIX}")
        if entry.agency not in places and place in places.values():  # it holds another agency's
            place = folder / f"{entry.agency}-{entry.revision}{SUFFIX}"
        write_durably(place, encode_signed(signed), mode=_MODE, replace=True)
        places[entry.agency], revisions[entry.agency] = place, entry.revision
        taken += 1
    return taken
