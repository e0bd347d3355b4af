"""The hub's log under our eyes: a witness of its checkpoints, a creditor of its promises.

(1) follow what the log shows, cosign what it offers (`passerelle.audit.follow`);
(2) look at receipts that came since: each promises an event within its merge delay; and at key manifests,
    which the log must hold (`pins`);
(3) fetch proofs for what is owed, receipts' events and notifications' digests, many at once, all against one
    checkpoint that (1) holds good;
(4) what is proven is settled, and its proof kept as a file where the configuration names a folder for them
    (`proof_files`), cosigned once a quorum has seen the log so far. What is overdue is a *broken promise*:
    the signed receipt or notification is kept as evidence, and the alarm stands in `status`.

(5) ask for the notification after the last one stored: where the log holds it and it has still not come a
    while later, the hub *withholds* what it logged. It is said once for each number, with the proof kept.

A notification is proven by the digest that we compute ourselves from what arrived, so the hub cannot log one
thing and send another. One round after the other; every step may be repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from passerelle.audit import names
from passerelle.audit.follow import Follower, LogPort
from passerelle.clock import SECOND, Clock
from passerelle.codec.signed import encode_signed
from passerelle.codec.statement import decode_receipt
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.log import get_logger
from passerelle.log_proof import EventProof, verify_event, verify_log_proof
from passerelle.sign import SigningKey
from passerelle.tlog_proof import write_proof
from passerelle_connector.pins import Pins
from passerelle_connector.ports import Healthy, quiet
from passerelle_connector.proof_files import ProofFiles
from passerelle_connector.store.promises import MANIFEST, RECEIPT, Promise, PromiseStore

_LOG: Final = get_logger("log_watch")
AT_ONCE: Final = 200
GRACE: Final = 20 * SECOND
"""Beyond the merge delay: the checkpoint's own interval, and clocks that differ."""

WITHHELD: Final = 90 * SECOND
"""A reader that works has what the log holds long before."""


class LogWatch:
    """Watches one hub's log for one connector."""

    def __init__(
        self,
        me: Identity,
        follower: Follower,
        port: LogPort,
        store: PromiseStore,
        pins: Pins,
        key: Callable[[], SigningKey],
        clock: Clock,
        seconds: float,
        files: ProofFiles | None,
        due: Callable[[], int],
    ) -> None:
        """`files` takes each proof that holds; `due` tells the next notification's number, 0 for none due."""
        self._files = files
        self._due = due
        self._awaited = (0, 0)
        self._me = me
        self._follower = follower
        self._port = port
        self._store = store
        self._pins = pins
        self._key = key
        self._clock = clock
        self._seconds = seconds

    async def run(self, healthy: Healthy = quiet) -> None:
        """One round, then a pause.

        Raises:
            PasserelleError: `log_forked`, `promise_broken`, `manifest_swapped`, `manifest_unlogged`,
                `notification_withheld`, all with evidence; what the port raises.
        """
        await self.round()
        await healthy()
        await asyncio.sleep(self._seconds)

    async def round(self) -> int:
        """Steps 1 to 5; returns how many promises were proven.

        Raises:
            PasserelleError: as `run`.
        """
        await self._follower.follow(self._key(), str(self._me))  # (1)
        await asyncio.to_thread(self._receipts)  # (2)
        await asyncio.to_thread(self._pins.look)
        proven = 0
        while owed := await asyncio.to_thread(self._store.open, AT_ONCE):
            kept = await self._prove(owed)  # (3)
            proven += len(kept)
            await asyncio.to_thread(self._store.settle, sorted(kept))  # (4)
            await asyncio.to_thread(self._overdue, [one for one in owed if one.name not in kept])
            if len(kept) < AT_ONCE:
                break
        if proven:
            _LOG.info("promises.proven", size=proven)
        if self._files is not None:
            await self._files.round()
        await self._withheld()  # (5)
        return proven

    async def _withheld(self) -> None:
        number = await asyncio.to_thread(self._due)
        if not number:
            self._awaited = (0, 0)
            return
        subject, now = names.notification(self._me.agency, number), self._clock.now()
        note, proofs = await self._port.prove((), (subject,))
        if not proofs:
            return
        verify_event(proofs[0], names.NOTIFICATION_WRITTEN, subject, await self._follower.see(note))
        awaited, since = self._awaited
        if awaited != number:
            self._awaited = number, now
        elif now - since > WITHHELD and await asyncio.to_thread(self._due) == number:
            files = {"proof": write_proof(note, proofs[0])}
            place = self._follower.evidence.keep("notification_withheld", subject.encode(), files)
            raise PasserelleError("notification_withheld", f"number {number}; evidence in {place.name}")

    def _receipts(self) -> None:
        while found := self._store.receipts(AT_ONCE):
            owed: list[Promise] = []
            for _, signed in found:
                receipt = decode_receipt(signed.payload)  # verified when it was taken
                due = receipt.received + receipt.merge_delay
                owed.append(Promise(receipt.audit_event.hex(), RECEIPT, due, b"", encode_signed(signed)))
            self._store.owe(owed, batch=found[-1][0])

    async def _prove(self, owed: Sequence[Promise]) -> set[str]:
        commitments = [bytes.fromhex(one.name) for one in owed if one.kind == RECEIPT]
        subjects = [one.name for one in owed if one.kind != RECEIPT]
        note, proofs = await self._port.prove(commitments, subjects)
        checkpoint = await self._follower.see(note)
        by_name: dict[str, EventProof] = {}
        for proof in proofs:
            by_name[proof.commitment.hex()] = proof
            by_name.setdefault(proof.subject, proof)
        kept: set[str] = set()
        for one in owed:
            proof_of = by_name.get(one.name)
            if proof_of is None:
                continue
            if one.kind == RECEIPT:
                verify_log_proof(proof_of.proof, bytes.fromhex(one.name), checkpoint)
            elif one.kind == MANIFEST:
                if verify_event(proof_of, names.MANIFEST_LOGGED, one.name, checkpoint) != one.digest:
                    self._broken(one, "another manifest was logged")
                await asyncio.to_thread(self._pins.proven, one)
            elif verify_event(proof_of, names.NOTIFICATION_WRITTEN, one.name, checkpoint) != one.digest:
                self._broken(one, "another notification was logged")
            kept.add(one.name)
            if self._files is not None:
                await asyncio.to_thread(self._files.keep, one.name, note, proof_of)
        return kept

    def _overdue(self, owed: Sequence[Promise]) -> None:
        now = self._clock.now()
        for one in owed:
            if one.due + GRACE < now:
                self._broken(one, f"due {(now - one.due) // SECOND} s ago")

    def _broken(self, one: Promise, why: str) -> None:
        files = {"promise": one.proof, "name": one.name.encode(), "digest": one.digest}
        code = "manifest_unlogged" if one.kind == MANIFEST else "promise_broken"
        place = self._follower.evidence.keep(code, one.name.encode() + one.digest, files)
        self._store.settle([one.name])  # the evidence stays; the others must not wait for it
        raise PasserelleError(code, f"{one.kind}, {why}; evidence in {place.name}")
