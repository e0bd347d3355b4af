"""The DEVELOPMENT ceremony: one process deals every key. Never for real records.

Whoever runs it knows all keys, and refreshing shares never removes that knowledge: it can tokenise any guess
offline, without a trustee and without a budget. Keys for real records come from the distributed key
generation among the trustees. Everything written here says `development`, and a note with that warning lies
beside it.

(1) draw a polynomial for each domain, epoch and identifier group, and share it;
(2) write each trustee's share file (mode 0600, in a folder of its own with mode 0700);
(3) write the note, then the group keys that connectors pin: where that document is, everything before it is
    on disk.

Nothing is overwritten. A ceremony that breaks off leaves files without the document of (3): delete them and
start over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

from passerelle.groups import Group
from passerelle.keyfile import write_durably
from passerelle.log import get_logger
from passerelle.oprf.group import ristretto255
from passerelle.oprf.keys import deal
from passerelle.oprf.pinned import Ceremony, GroupKeys
from passerelle.privatefile import make_folder
from passerelle_trustee.share import ShareBook, write_shares

WARNING: Final = (
    "DEVELOPMENT KEYS: one process dealt them and knew them all. "
    "Whoever ran it can guess identifiers offline. Never use them for real records."
)
NOTE: Final = "DEVELOPMENT-KEYS-ONLY.txt"
SHARES: Final = "shares.json"
GROUP_KEYS: Final = "group-keys.json"

RandomScalars = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class DevelopmentKeys:
    """The result: one book for each trustee, in order of their indices, and what connectors pin."""

    books: tuple[ShareBook, ...]
    keys: GroupKeys


def deal_for_development(
    domains: Sequence[str],
    epochs: Sequence[int] = (1,),
    *,
    trustees: int = 3,
    threshold: int = 2,
    groups: Sequence[Group] = tuple(Group),
    random_scalars: RandomScalars | None = None,
) -> DevelopmentKeys:
    """Step (1), in memory: enough for a simulator.

    Args:
        random_scalars: draws packed scalars; injected where a test needs the same keys each time.

    Raises:
        PasserelleError: `group_key_invalid`: threshold, number of trustees, a domain or epoch out of range.
    """
    draw = random_scalars or ristretto255().random_scalars
    dealt = tuple(
        deal(domain, group, epoch, 1, threshold, draw(threshold), trustees)
        for domain, epoch, group in product(domains, epochs, groups)
    )
    books = tuple(
        ShareBook(Ceremony.DEVELOPMENT, index, tuple(key.shares[index - 1] for key in dealt))
        for index in range(1, trustees + 1)
    )
    return DevelopmentKeys(books, GroupKeys(Ceremony.DEVELOPMENT, tuple(key.info for key in dealt)))


def write_for_development(dealt: DevelopmentKeys, folder: Path) -> tuple[Path, ...]:
    """Steps (2) and (3): the files `trustee-<index>/shares.json` in order, then `group-keys.json`.

    Raises:
        PasserelleError: `key_file_exists`; nothing that existed is touched.
    """
    get_logger(__name__).warning(WARNING, path=str(folder))
    written: list[Path] = []
    for book in dealt.books:  # (2)
        own = folder / f"trustee-{book.index}"
        make_folder(own)
        own.chmod(0o700)
        write_shares(own / SHARES, book)
        written.append(own / SHARES)
    write_durably(folder / NOTE, f"{WARNING}\n".encode(), mode=0o644)  # (3)
    write_durably(folder / GROUP_KEYS, dealt.keys.to_json().encode(), mode=0o644)
    return (*written, folder / GROUP_KEYS)
