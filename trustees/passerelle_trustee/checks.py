"""What `doctor` looks at in a trustee: keys, certificate, shares, registry, ledger, disk."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from passerelle import checks
from passerelle.certificate import Usage
from passerelle.checks import Check, State, checked
from passerelle.clock import DAY, Clock, SystemClock
from passerelle.config import load
from passerelle.entry_files import read_registry_key
from passerelle.errors import PasserelleError
from passerelle.federation import Federation
from passerelle.identity import Identity
from passerelle.oprf.pinned import Ceremony
from passerelle.registry_entry import Status
from passerelle.rpc.material import own_material
from passerelle.trust_checks import trust
from passerelle_trustee.ceremonies.folder import SHARES
from passerelle_trustee.compose import Register, open_shelf
from passerelle_trustee.config import TrusteeSettings
from passerelle_trustee.store import Ledger

REFRESH: Final = 31 * DAY
"""Age of the newest shares from which on a refresh is due."""


def examine(config: Path) -> Iterator[Check]:
    """Every finding about a trustee's set-up; it may run meanwhile."""
    yield from look(load(TrusteeSettings, config), SystemClock())


def look(settings: TrusteeSettings, clock: Clock) -> Iterator[Check]:
    """The same for settings that were read."""
    shares = (settings.path(settings.shares), *settings.path(settings.ceremonies).glob(f"*/{SHARES}"))
    held = [file for file in shares if file.exists()] or shares[:1]
    yield from checks.key_files((*held, settings.path(settings.tls.key)))
    yield checks.leaf(settings, settings.tls, Usage.SERVER, clock.now())
    yield checked("key and certificate", lambda: _pair(settings))
    yield checked("shares", lambda: _shares(settings))
    yield checked("refresh", lambda: _refreshed(held, clock))
    yield checked("registry", lambda: _registry(settings))
    yield from _trusted(settings, clock)
    yield checked("ledger", lambda: _ledger(settings))
    yield checks.disk(settings.path(settings.ledger).parent)
    yield checked("listener", lambda: _listening(settings))


def _pair(settings: TrusteeSettings) -> str:
    own_material(settings, settings.tls, Usage.SERVER).read()
    return "belong together"


def _shares(settings: TrusteeSettings) -> str | Check:
    shelf = open_shelf(settings)
    text = f"trustee {shelf.index} holds {len(shelf.shares)} shares"
    if any(book.ceremony is Ceremony.DEVELOPMENT for book in shelf.books):
        fix = "Hold a ceremony before real records come."
        return Check("shares", State.WARN, f"{text}, dealt by one process for development", fix)
    return text


def _registry(settings: TrusteeSettings) -> str:
    _, found = _federation(settings)
    return f"{found} entries read"


def _trusted(settings: TrusteeSettings, clock: Clock) -> Iterator[Check]:
    """Lists and roots of whoever may ask; without a registry it was said already."""
    try:
        federation, _ = _federation(settings)
    except (PasserelleError, OSError):
        return
    names = {Identity.parse(settings.identity).trust_domain}
    names |= {one.trust_domain for one in federation.entries if one.status is not Status.REMOVED}
    domains = {name: federation.roots(name) for name in names}
    folder = settings.path(settings.revocation.folder)
    yield from trust(settings.revocation, folder, domains, clock.now())


def _refreshed(files: Sequence[Path], clock: Clock) -> Check | str:
    """How long ago shares were dealt last: a file is written once, at the end of its ceremony."""
    age = clock.now() - max(file.stat().st_mtime_ns for file in files) // 1_000
    text = f"the newest shares are {age // DAY} days old"
    if age <= REFRESH:
        return text
    fix = "Hold a `reshare` with the other trustees, to the same ones; see docs/operate/trustee.md."
    return Check("refresh", State.WARN, text, fix)


def _federation(settings: TrusteeSettings) -> tuple[Federation, int]:
    key = read_registry_key(settings.path(settings.registry.key))
    home = Identity.parse(settings.identity).trust_domain
    federation = Federation(home, settings.path(settings.tls.roots).read_bytes())
    return federation, Register(settings.path(settings.registry.entries), key, federation).refresh()


def _ledger(settings: TrusteeSettings) -> str | Check:
    file = settings.path(settings.ledger)
    if not file.exists():
        return Check("ledger", State.WARN, "not there yet", "Start the trustee; it makes the ledger.")
    with closing(Ledger(file)):
        return "of this release"


def _listening(settings: TrusteeSettings) -> Check:
    identity, roots = Identity.parse(settings.identity), settings.path(settings.tls.roots).read_bytes()
    return asyncio.run(checks.listening(settings.listen, identity, roots))
