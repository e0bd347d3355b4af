"""What `doctor` looks at in an authority: its keys, its certificates' life, the registry, disk."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from passerelle import checks
from passerelle.certificate import read_chain
from passerelle.checks import Check, State, checked
from passerelle.clock import SECOND, Clock, SystemClock
from passerelle.config import load
from passerelle_pki.authority import open_authority
from passerelle_pki.config import PkiSettings
from passerelle_pki.issuer import ISSUING_FILE, ISSUING_KEY_FILE, ROOT_FILE
from passerelle_pki.registry import KEY_FILE, open_registry


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
    if registry.exists():
        yield from checks.key_files((registry / KEY_FILE,))
        yield checked("registry", lambda: f"{len(open_registry(registry, clock).entries())} entries")
    yield checked("offline root", lambda: _offline(authority / "offline"))
    yield checks.disk(authority)


def _life(name: str, file: Path, now: int) -> Check:
    found = read_chain(file.read_bytes())[0]
    start, end = found.not_valid_before_utc.timestamp(), found.not_valid_after_utc.timestamp()
    return checks.remaining(name, int(start) * SECOND, int(end) * SECOND, now)


def _offline(folder: Path) -> str | Check:
    if folder.exists():
        fix = "Move the folder `offline` to safe storage; running needs none of it."
        return Check("offline root", State.WARN, "the root's key lies beside the authority", fix)
    return "the root's key is not on this machine"
