"""`passerelle connector | hub | trustee | audit enrol`: join with an invitation, a fingerprint and a code."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Callable
from pathlib import Path

from passerelle.clock import SystemClock
from passerelle.errors import PasserelleError
from passerelle.invitation import Invitation, grouped
from passerelle.newcomer import Joining, Newcomer, Place, asked_digest, read_code
from passerelle.rpc.authority import AuthorityClient
from passerelle.rpc.channel import open_channel


def enrol_command(joining: Joining, then: str) -> Callable[..., None]:
    """The command of a role; `then` says what comes next."""

    def enrol(
        invitation: Path, *, fingerprint: str = "", code_file: Path | None = None, folder: Path = Path()
    ) -> None:
        """Join: make keys here, send the request, wait for the second operator, write the role's folder.

        The one-time code is asked for, and never an argument. Interrupted, the command goes on when run
        again.

        Args:
            invitation: the file that the operator sent.
            fingerprint: of the authority's root, as the operator told it over another channel; mandatory.
            code_file: a file of mode 0600 with the code, instead of typing it.
            folder: where the role's configuration and keys live.
        """
        _enrol(joining, then, invitation, fingerprint, code_file, folder)

    return enrol


def _enrol(
    joining: Joining, then: str, invitation: Path, fingerprint: str, code_file: Path | None, folder: Path
) -> None:
    try:
        invited = Invitation.from_bytes(invitation.read_bytes())
    except OSError as error:
        raise PasserelleError("invitation_malformed", f"{invitation.name}: {type(error).__name__}") from error
    invited.check(fingerprint)
    place = Place(folder)
    client = AuthorityClient(lambda: open_channel(invited.address, invited.authority, invited.root, None))
    newcomer = Newcomer(joining, invited, place, client, SystemClock())
    if newcomer.waits:
        asked = asked_digest(place)
    else:
        asked = asyncio.run(newcomer.ask(read_code(code_file, _typed), fingerprint))
    print(f"{invited.identity} asks to join; read this to the second operator:")
    print(f"digest  {grouped(asked.hex())}", flush=True)
    welcome = asyncio.run(newcomer.wait(fingerprint))
    print(f"approved; {len(welcome.entries)} entries, the leaf is in {place.keys / 'leaf.pem'}")
    print(f"now {then}")


def _typed(prompt: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(prompt)
    return sys.stdin.readline()
