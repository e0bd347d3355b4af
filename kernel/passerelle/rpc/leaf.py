"""Renewal of a leaf by the manifest key: at half its life, or at once where it has expired.

Protocol of `renew`
(1) finish a replacement that a crash cut in two; (2) make a fresh key and a certificate request; (3) sign the
request for renewal with the manifest key; (4) ask the authority; (5) verify the answer as every peer will:
our trust domain, our identity, this key; (6) write key and chain beside their places; (7) rename both;
(8) have the channels opened anew (`on_renewed`). A listener needs no (8): it reads key and chain again at the
next handshake (`passerelle.rpc.server`, rule 3).

Fault table of (6) and (7), which `settle` brings to an end at the next start or renewal
| crash after | left behind | `settle` |
|---|---|---|
| new key written | the old pair, a new key | drops the new key |
| new chain written | the old pair, a whole new pair | renames both |
| key renamed | new key with old chain, the new chain | renames the chain |
| chain renamed | the new pair | nothing |

The old leaf stays in use until (7); a failure before that changes nothing. One process at a time
holds the folder while it changes these files. Not for concurrent use.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from passerelle.certificate import Usage, read_chain, verify_peer
from passerelle.clock import SECOND, Clock
from passerelle.csr import ENCRYPTED, key_pem, load_key, make_request, new_key, stored_pem
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.keyfile import KeyKind, read_key, read_private, write_durably, write_private
from passerelle.log import get_logger
from passerelle.privatefile import sync_folder
from passerelle.renewal import NONCE_BYTES, RenewalRequest, sign_renewal
from passerelle.rpc.authority import EnrolmentPort
from passerelle.rpc.material import FileMaterial, TlsBytes
from passerelle.sign import SigningKey

LONGEST_SLEEP: Final = 3600.0
"""Seconds; the clock is asked again at least this often, since machines sleep and clocks are set."""

Random = Callable[[int], bytes]
Healthy = Callable[[], Awaitable[None]]
"""Awaited by a loop whenever its counterpart and it agree, so that its pauses start short again."""

_SPREAD: Final = 0.1
_PUBLIC_MODE: Final = 0o644
_LOG: Final = get_logger("renew")


async def quiet() -> None:
    """Nobody to tell."""


@dataclass(frozen=True, slots=True)
class LeafFiles:
    """Where the leaf's key and chain lie, the roots of our own trust domain, and the manifest key."""

    key: Path
    chain: Path
    roots: Path
    manifest_key: Path

    @property
    def material(self) -> FileMaterial:
        """Key and chain for channels."""
        return FileMaterial(self.key, self.chain)


class Renewal:
    """Keeps one leaf fresh. One for each use of a party that both listens and calls."""

    def __init__(
        self,
        identity: Identity,
        authority: Identity,
        files: LeafFiles,
        port: EnrolmentPort,
        clock: Clock,
        random: Random,
        jitter: Callable[[], float],
        usage: Usage = Usage.CLIENT,
    ) -> None:
        self._identity = identity
        self._authority = authority
        self._files = files
        self._port = port
        self._clock = clock
        self._random = random
        self._jitter = jitter
        self._usage = usage
        self._actions: list[Callable[[], Awaitable[None]]] = []
        self._announced = True

    def on_renewed(self, action: Callable[[], Awaitable[None]]) -> None:
        """What to do after each renewal: open channels anew."""
        self._actions.append(action)

    async def ready(self) -> None:
        """Before the first channel: a leaf that is missing, broken or expired is renewed now.

        A leaf that has merely expired does not stop the start: the loop goes on asking.

        Raises:
            PasserelleError: what `renew` raises, where there is no leaf at all to go on with.
        """
        usable, due = await asyncio.to_thread(self._state)
        if due > self._clock.now():
            return
        try:
            await self.renew()
        except PasserelleError as error:
            if not usable:
                raise
            _LOG.warning("renewal.failed", code=error.code, detail=error.detail)

    async def run(self, healthy: Healthy = quiet) -> None:
        """Wait until the leaf is at half its life, with jitter, then renew it once.

        `healthy` is awaited whenever there is nothing to do.

        Raises:
            PasserelleError: what `renew` raises; worth trying again later.
        """
        await self._announce()
        fraction = 0.5 + _SPREAD * self._jitter()
        while True:
            due = await asyncio.to_thread(self.due, fraction)
            wait = (due - self._clock.now()) / SECOND
            if wait <= 0:
                break
            await healthy()
            await asyncio.sleep(min(wait, LONGEST_SLEEP))
        await self.renew()

    async def probe(self) -> tuple[str, int]:
        """Which authority answers, and how far its clock is ahead of ours in microseconds.

        Raises:
            PasserelleError: `peer_unavailable`, `peer_timeout`, the authority's code.
        """
        authority, time = await self._port.status()
        return authority, time - self._clock.now()

    async def renew(self) -> None:
        """Renew now; steps 1 to 8.

        Raises:
            PasserelleError: the authority's code, `peer_unavailable`, `peer_timeout`,
                `renewal_answer_invalid`, `tls_material_invalid` without a folder for the leaf, what reading
                the manifest key raises.
            OSError: the leaf's folder is full or read-only; the old leaf stays.
        """
        await asyncio.to_thread(self.settle)  # (1)
        key = new_key()  # (2)
        request = RenewalRequest(
            authority=self._authority,
            identity=self._identity,
            usage=self._usage,
            request=make_request(key, self._identity, self._usage).decode("ascii"),
            at=self._clock.now(),
            nonce=self._random(NONCE_BYTES),
        )
        manifest_key = await asyncio.to_thread(read_key, self._files.manifest_key, KeyKind.SIGNING)
        chain = await self._port.renew(sign_renewal(SigningKey(manifest_key), request))  # (3) (4)
        await asyncio.to_thread(self._replace, key_pem(key), chain)
        self._announced = False
        await self._announce()  # (8)

    def due(self, fraction: float = 1.0) -> int:
        """When the leaf has spent this fraction of its life, microseconds UTC; 0 without a usable leaf."""
        return self._state(fraction)[1]

    def settle(self) -> None:
        """Finish or drop what a crash left between two files (fault table).

        Raises:
            PasserelleError: `tls_material_invalid`, the folder is missing.
            OSError: it is read-only.
        """
        with _alone(self._files.key.parent):
            self._finish()

    def _finish(self) -> None:
        key, chain = _draft(self._files.key), _draft(self._files.chain)
        if chain.exists():
            if key.exists():
                key.replace(self._files.key)
                sync_folder(key.parent)  # a power cut must not keep the chain's name and lose the key's
            chain.replace(self._files.chain)
        key.unlink(missing_ok=True)

    async def _announce(self) -> None:
        if not self._announced:
            for action in self._actions:
                await action()
            self._announced = True

    def _replace(self, key: bytes, chain: bytes) -> None:
        """Steps 5 to 7."""
        try:
            roots = self._files.roots.read_bytes()
            leaf = verify_peer(chain, roots, self._clock.now(), self._usage)  # (5)
            TlsBytes(key, chain)
        except (PasserelleError, OSError) as error:
            code = error.code if isinstance(error, PasserelleError) else type(error).__name__
            raise PasserelleError("renewal_answer_invalid", code) from error
        if leaf.identity != self._identity:
            raise PasserelleError("renewal_answer_invalid", "another identity")
        with _alone(self._files.key.parent) as folder:
            write_private(_draft(self._files.key), stored_pem(load_key(key)), replace=True)  # (6)
            write_durably(_draft(self._files.chain), chain, mode=_PUBLIC_MODE, replace=True)
            self._finish()  # (7)
            os.fsync(folder)
        _LOG.info("leaf.renewed", waiting=(leaf.not_after - self._clock.now()) // SECOND)

    def _state(self, fraction: float = 1.0) -> tuple[bool, int]:
        """Whether there is a leaf with its key, and when it has spent a fraction of its life."""
        try:
            self.settle()
            pem = read_private(self._files.key)
            clear = key_pem(load_key(pem)) if ENCRYPTED in pem else pem
            pair = TlsBytes(clear, self._files.chain.read_bytes())
        except (PasserelleError, OSError):
            return False, 0
        leaf = read_chain(pair.chain)[0]
        begin = leaf.not_valid_before_utc.timestamp()
        end = leaf.not_valid_after_utc.timestamp()
        return True, int((begin + (end - begin) * fraction) * SECOND)


@contextmanager
def _alone(folder: Path) -> Generator[int]:
    """One process at a time, since a command may renew while the connector runs; yields the open folder."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise PasserelleError("tls_material_invalid", f"folder of the leaf: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def _draft(file: Path) -> Path:
    return file.with_name(f"{file.name}.next")
