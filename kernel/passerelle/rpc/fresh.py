"""Leaves kept fresh beside a listener: one renewal for each use, tried again until told to stop.

A listener follows by itself: it reads key and chain at the next handshake. Connections that stand keep the
leaf they were made with until `connection_age_seconds` ends them; leaves are renewed at half their life.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from pathlib import Path
from typing import Final

from passerelle.certificate import Usage
from passerelle.clock import Clock
from passerelle.config import PkiAddress
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.log import get_logger
from passerelle.rpc.authority import AuthorityClient
from passerelle.rpc.channel import open_channel
from passerelle.rpc.leaf import LeafFiles, Renewal

FIRST_PAUSE: Final = 5.0
LAST_PAUSE: Final = 300.0
_LOG: Final = get_logger("renew")


def leaf_renewal(
    identity: Identity, authority: PkiAddress, files: LeafFiles, clock: Clock, usage: Usage
) -> Renewal:
    """The renewal of one leaf by the authority of its own trust domain."""
    answers = Identity(identity.trust_domain, Role.PKI, authority.agency)
    client = authority_client(identity, authority, files.roots)
    jitter = random.SystemRandom().random
    return Renewal(identity, answers, files, client, clock, secrets.token_bytes, jitter, usage)


def authority_client(identity: Identity, authority: PkiAddress, roots: Path) -> AuthorityClient:
    """Calls to the authority of our trust domain, without a certificate of ours."""
    answers = Identity(identity.trust_domain, Role.PKI, authority.agency)
    return AuthorityClient(lambda: open_channel(authority.address, answers, roots.read_bytes(), None))


async def keep_fresh(renewal: Renewal) -> None:
    """Renew again and again, until cancelled; a failure is logged and tried again, later each time."""
    pause = FIRST_PAUSE
    while True:
        try:
            await renewal.run()
            pause = FIRST_PAUSE
        except (PasserelleError, OSError) as error:
            code = error.code if isinstance(error, PasserelleError) else type(error).__name__
            _LOG.warning("renewal.failed", code=code, waiting=round(pause, 1))
            await asyncio.sleep(pause)
            pause = min(2 * pause, LAST_PAUSE)
