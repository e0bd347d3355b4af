"""What `doctor` asks of a role: checks with a state, a text and what to do, and those that all roles share.

A check looks and changes nothing. It never raises for what it finds: a refusal of ours becomes a failed check
with the cause and the fix of its code. No text holds a secret, an identifier or content of a record.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Final

from passerelle import release
from passerelle.certificate import Usage, verify_peer
from passerelle.clock import DAY, SECOND
from passerelle.config import RoleSettings, TlsSettings
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.keyfile import read_private

ENTRY_POINTS: Final = "passerelle.checks"
_SECONDS: Final = 3.0
_GIGABYTE: Final = 1_000_000_000
DISK_WARN, DISK_FAIL = 5 * _GIGABYTE, _GIGABYTE // 5
SKEW_WARN, SKEW_FAIL = 5 * SECOND, 60 * SECOND


class State(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: what was looked at, how it stands, what was seen, what to do where it is not well."""

    name: str
    state: State
    text: str
    fix: str = ""


Checks = Callable[[Path], Iterable[Check]]
"""What a role offers under `passerelle.checks`: the findings for one configuration file.

Raises:
    PasserelleError: `config_invalid`, nothing can be looked at.
"""


def checked(name: str, look: Callable[[], str | Check]) -> Check:
    """Look; the text of what is well, or a finding of its own. A refusal or an unreadable file fails."""
    try:
        found = look()
    except PasserelleError as error:
        return failed(name, error)
    except OSError as error:
        return Check(name, State.FAIL, type(error).__name__, "Make the file or folder readable and writable.")
    return found if isinstance(found, Check) else Check(name, State.OK, found)


def failed(name: str, error: PasserelleError) -> Check:
    """A refusal as a finding."""
    detail = f" ({error.detail})" if error.detail else ""
    return Check(name, State.FAIL, f"{error.code}: {error.spec.cause}{detail}", error.spec.fix)


def key_files(files: Iterable[Path]) -> Iterator[Check]:
    """Each is there, a regular file of its owner's, and closed to everybody else."""
    for file in files:
        yield checked(f"key file {file.name}", partial(_closed, file))


def _closed(file: Path) -> str:
    read_private(file)
    return "there, for its owner alone"


def tables(package: str) -> Check:
    """The tables of the kernel and of one package are those that the release's key signed."""

    def look() -> str:
        for name in release.TABLES:
            if name.startswith(("passerelle/", f"{package}/")):
                release.table(name)
        return f"as signed by the release key {release.installed().key_id[:16]}"

    return checked("tables", look)


def leaf(settings: RoleSettings, tls: TlsSettings, usage: Usage, now: int) -> Check:
    """The role's chain verifies under its own roots; little life left is a warning (see `remaining`)."""

    def look() -> Check:
        chain = settings.path(tls.chain).read_bytes()
        found = verify_peer(chain, settings.path(tls.roots).read_bytes(), now, usage)
        return remaining("certificate", found.not_before, found.not_after, now)

    return checked("certificate", look)


def remaining(name: str, start: int, end: int, now: int) -> Check:
    """Days left of a validity, in microseconds; less than a quarter of the whole is a warning."""
    text = f"valid for {(end - now) / DAY:.1f} more days"
    if now >= end:
        return Check(name, State.FAIL, "expired", "Renew the certificate.")
    if end - now < (end - start) // 4:
        return Check(name, State.WARN, text, "Renew the certificate; it should have been renewed by itself.")
    return Check(name, State.OK, text)


def disk(folder: Path) -> Check:
    """Space and the right to write where the role keeps its database."""

    def look() -> Check | str:
        free = shutil.disk_usage(folder).free
        text = f"{free / _GIGABYTE:.1f} GB free"
        if not os.access(folder, os.W_OK):
            return Check(
                "disk", State.FAIL, f"{folder.name} cannot be written", "Give the service the folder."
            )
        if free < DISK_WARN:
            state = State.FAIL if free < DISK_FAIL else State.WARN
            return Check("disk", state, text, "Make room, or move the database to a larger disk.")
        return text

    return checked("disk", look)


async def listening(address: str, server: Identity, roots: bytes) -> Check:
    """Whether our own listener answers, under the name and the roots that others will hold it to."""
    context = ssl.create_default_context(cadata=roots.decode("ascii"))
    host, _, port = address.rpartition(":")
    try:
        opening = asyncio.open_connection(host, int(port), ssl=context, server_hostname=server.server_name)
        _, writer = await asyncio.wait_for(opening, _SECONDS)
        writer.close()
    except ssl.SSLError as error:
        fix = "Compare certificate, roots and identity; another program may hold the port."
        return Check("listener", State.FAIL, f"{address}: {error.reason}", fix)
    except (OSError, ValueError):  # a time-out is an OSError as well
        return Check("listener", State.WARN, f"nobody answers at {address}", "Start the service.")
    return Check("listener", State.OK, f"answers at {address} under its own name")


def clock(theirs: int, ours: int) -> Check:
    """The other side's clock against ours, in microseconds."""
    text = f"the other side is {round((theirs - ours) / SECOND, 1) + 0.0:+.1f} s from this machine"
    ahead = abs(theirs - ours)
    if ahead < SKEW_WARN:
        return Check("clock", State.OK, text)
    state = State.FAIL if ahead >= SKEW_FAIL else State.WARN
    return Check("clock", state, text, "Let a time service set the clocks of both machines.")
