"""What `doctor` says of the trust that a side rests on: lists of revoked certificates, roots that end.

Each trust domain that the side deals with needs a list in its folder; after a day without a fresh one
everybody of that domain is refused (`passerelle.revocation`, rules 4 and 5), so half a day is a warning.
Roots and issuing authorities warn at `WARN_DAYS`, since people hold a ceremony for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from passerelle.certificate import read_chain
from passerelle.checks import Check, State, checked
from passerelle.clock import DAY, HOUR, SECOND
from passerelle.config import RevocationSettings
from passerelle.revocation import STALE, SUFFIX, read_list

WARN_DAYS: Final = (1, 7, 14, 30)
"""Days before the end of a root or an issuing authority at which a warning stands."""
_LIST: Final = "Look whether the authority runs, and whether its list arrives here: see `[revocation]`."
_ROOT: Final = "Its authority holds a ceremony for a successor now; the registry publishes the new roots."


def warning_days(days: int) -> int:
    """The smallest of `WARN_DAYS` that the whole days left are within; 0 for none."""
    return next((limit for limit in WARN_DAYS if days <= limit), 0)


def trust(
    settings: RevocationSettings, folder: Path, domains: Mapping[str, bytes], now: int
) -> Iterator[Check]:
    """Two findings for each trust domain (with its roots, PEM): its list in the folder, its roots' end."""
    for name, roots in sorted(domains.items()):
        listed = partial(_list, settings, folder / f"{name}{SUFFIX}", name, roots, now)
        yield checked(f"revocations of {name}", listed)
        yield checked(f"roots of {name}", partial(_roots, name, roots, now))


def _list(settings: RevocationSettings, file: Path, name: str, roots: bytes, now: int) -> Check | str:
    what = f"revocations of {name}"
    if not file.exists():
        if name in {source.trust_domain for source in settings.sources}:
            return Check(what, State.WARN, "not fetched yet", "Start the service; it fetches the list first.")
        if settings.required:
            return Check(what, State.FAIL, "no list is there: everybody of it is refused", _LIST)
        return Check(what, State.WARN, "no list is there, and none is required: for development only", _LIST)
    age = now - read_list(file.read_bytes(), name, roots, now).made
    text = f"the list is {age / HOUR:.1f} hours old"
    if age > STALE:
        return Check(what, State.FAIL, f"{text}: everybody of it is refused", _LIST)
    return Check(what, State.WARN, text, _LIST) if age > STALE // 2 else text


def _roots(name: str, roots: bytes, now: int) -> Check | str:
    ends = min(int(one.not_valid_after_utc.timestamp()) for one in read_chain(roots)) * SECOND
    days = (ends - now) // DAY
    text = f"end in {days} days"
    if days < 0:
        return Check(f"roots of {name}", State.FAIL, "one has ended", _ROOT)
    return Check(f"roots of {name}", State.WARN, text, _ROOT) if warning_days(days) else text
