"""What `doctor` looks at in an authority: its keys, its certificates' life, the registry, disk."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from passerelle import checks
from passerelle.certificate import read_chain
from passerelle.checks import Check, State, checked
from passerelle.clock import SECOND, Clock, SystemClock
from passerelle.config import load
from passerelle_pki.authority import open_authority
from passerelle_pki.config import PkiSettings
from passerelle_pki.inventory import authorities, leaves, warnings
from passerelle_pki.issuer import ISSUING_FILE, ISSUING_KEY_FILE, ROOT_FILE
from passerelle_pki.registry import KEY_FILE, open_registry

_SHOWN: Final = 5


def examine(config: Path) -> Iterator[Check]:
    """Every finding about an authority's set-up; it may run meanwhile."""
    yield from look(load(PkiSettings, config), SystemClock())


def look(settings: PkiSettings, clock: Clock) -> Iterator[Check]:
    """The same for settings that were read."""
    authority, registry = settings.path(settings.authority), settings.path(settings.registry)
    yield from checks.key_files((authority / ISSUING_KEY_FILE,))
    yield checked("authority", lambda: f"issues for {open_authority(authority, clock).trust_domain}")
    for name, file in (("root", ROOT_FILE), ("issuing certificate", ISSUING_FILE)):
        yield checked(name, partial(_life, name, authority / file, clock.now()))
    yield checked("certificates", lambda: _inventory(authority, clock))
    if registry.exists():
        yield from checks.key_files((registry / KEY_FILE,))
        yield checked("registry", lambda: f"{len(open_registry(registry, clock).entries())} entries")
    yield checked("offline root", lambda: _offline(authority / "offline"))
    yield checks.disk(authority)


def _life(name: str, file: Path, now: int) -> Check:
    found = read_chain(file.read_bytes())[0]
    start, end = found.not_valid_before_utc.timestamp(), found.not_valid_after_utc.timestamp()
    return checks.remaining(name, int(start) * SECOND, int(end) * SECOND, now)


def _inventory(authority: Path, clock: Clock) -> Check | str:
    """What somebody has to act on: authorities near their end, leaves that nobody renewed."""
    lines = (*authorities(authority, clock), *leaves(authority, clock))
    found = warnings(lines)
    if not found:
        return f"{len(lines)}, nobody has to act"
    text = "; ".join(f"{line.what}: {line.word}, {line.days} days left" for line in found[:_SHOWN])
    text = text if len(found) <= _SHOWN else f"{text}; and {len(found) - _SHOWN} more"
    return Check("certificates", State.WARN, text, "See `passerelle pki list --warnings`.")


def _offline(folder: Path) -> str | Check:
    if folder.exists():
        fix = "Move the folder `offline` to safe storage; running needs none of it."
        return Check("offline root", State.WARN, "the root's key lies beside the authority", fix)
    return "the root's key is not on this machine"
