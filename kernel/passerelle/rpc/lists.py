"""How lists of revoked certificates reach a side: a folder that is read again and again, and what fills it.

Protocol of one round (`ListKeeper.round`)
(1) every configured authority is asked for its list; (2) a list that verifies, and is newer than the one
held, is written into the folder, whole; (3) the folder is read and what verifies is taken.

An authority that does not answer, and a file that does not hold, are logged and change nothing: the list held
stays in use and grows stale, and after a day its trust domain is refused (`passerelle.revocation`, rule 4).
The folder survives a restart, so a side that starts while authorities are away knows what it knew. One task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from passerelle.config import RevocationSettings
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.keyfile import write_durably
from passerelle.log import get_logger
from passerelle.privatefile import make_folder
from passerelle.revocation import MAX_LIST_BYTES, SUFFIX, Revocations
from passerelle.rpc.authority import AuthorityClient
from passerelle.rpc.channel import open_channel
from passerelle.rpc.rule import Trust

_LOG: Final = get_logger("lists")


class ListKeeper:
    """Keeps one side's lists fresh."""

    def __init__(
        self,
        revocations: Revocations,
        trust: Trust,
        folder: Path,
        sources: Mapping[str, AuthorityClient],
        seconds: float,
    ) -> None:
        """`sources`: the authority's client for a trust domain."""
        self._revocations = revocations
        self._trust = trust
        self._folder = folder
        self._sources = sources
        self._seconds = seconds
        self._taken: dict[str, bytes] = {}

    async def run(self) -> None:
        """One round after another, until cancelled."""
        while True:
            await self.round()
            await asyncio.sleep(self._seconds)

    async def round(self) -> None:
        """Steps 1 to 3."""
        await asyncio.gather(
            *(self._fetch(domain, client) for domain, client in self._sources.items())
        )  # (1)
        await asyncio.to_thread(self.read)  # (3)

    def read(self) -> None:
        """Take what the folder holds; an absent folder holds nothing."""
        for file in sorted(self._folder.glob(f"*{SUFFIX}")):
            domain = file.name.removesuffix(SUFFIX)
            try:
                with file.open("rb") as stream:
                    raw = stream.read(MAX_LIST_BYTES + 1)
                if self._taken.get(domain) != raw:
                    self._take(domain, raw)
            except (PasserelleError, OSError) as error:
                _complain(domain, error)

    def _take(self, domain: str, raw: bytes) -> None:
        self._revocations.accept(domain, raw, self._trust.roots(domain))
        self._taken[domain] = raw

    async def _fetch(self, domain: str, client: AuthorityClient) -> None:
        try:
            said, raw = await client.revocations()
            if said != domain:
                raise PasserelleError("revocations_invalid", f"{domain}: a list of another trust domain")
            await asyncio.to_thread(self._store, domain, raw)
        except (PasserelleError, OSError) as error:
            _complain(domain, error)

    def _store(self, domain: str, raw: bytes) -> None:
        """Step 2."""
        if self._taken.get(domain) == raw:
            return
        self._take(domain, raw)
        make_folder(self._folder, 0o755)
        write_durably(self._folder / f"{domain}{SUFFIX}", raw, mode=0o644, replace=True)


def list_keeper(
    settings: RevocationSettings, folder: Path, revocations: Revocations, trust: Trust
) -> ListKeeper:
    """The keeper that a configuration describes; `folder` is its absolute path.

    Raises:
        PasserelleError: `identity_malformed`.
    """
    sources: dict[str, AuthorityClient] = {}
    for source in settings.sources:
        authority = Identity(source.trust_domain, Role.PKI, source.agency)
        sources[source.trust_domain] = _client(source.address, authority, trust)
    return ListKeeper(revocations, trust, folder, sources, settings.refresh_seconds)


def _client(address: str, authority: Identity, trust: Trust) -> AuthorityClient:
    return AuthorityClient(
        lambda: open_channel(address, authority, trust.roots(authority.trust_domain), None)
    )


def _complain(domain: str, error: PasserelleError | OSError) -> None:
    code = error.code if isinstance(error, PasserelleError) else "internal"
    detail = error.detail if isinstance(error, PasserelleError) else type(error).__name__
    _LOG.warning("list.refused", code=code, detail=f"{domain}: {detail}")
