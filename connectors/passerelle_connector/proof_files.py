"""What the log was shown to hold, as files that prove it to others (`passerelle.tlog_proof`).

(1) each proof that holds is kept at once, in `unwitnessed/`: it is against the newest checkpoint, which no
    witness has seen yet;
(2) in every round those files are asked for again, against a checkpoint that a quorum cosigned;
(3) where our own check of hub, log and cosignatures holds, the file goes to its place with the cosignatures,
    and the one of (1) is removed.

A crash repeats a step; what is at its place stays as it is. A quorum of 0 leaves out (2): federations without
witnesses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from passerelle.audit.follow import Follower, LogPort
from passerelle.audit.witnessed import Signers, check_quorum
from passerelle.errors import PasserelleError
from passerelle.keyfile import write_durably
from passerelle.log_proof import EventProof, verify_log_proof
from passerelle.note import Note
from passerelle.privatefile import make_folder
from passerelle.tlog_proof import SUFFIX, read_proof, write_proof

AT_ONCE: Final = 200
WAITING: Final = "unwitnessed"


class ProofFiles:
    """A folder of proofs."""

    def __init__(
        self, folder: Path, follower: Follower, port: LogPort, witnesses: Callable[[], Signers], quorum: int
    ) -> None:
        self._folder = folder
        self._follower = follower
        self._port = port
        self._witnesses = witnesses
        self._quorum = quorum

    def keep(self, name: str, note: Note, proof: EventProof) -> None:
        """Keep a proof that holds, under the name of what it proves (1)."""
        file = f"{name.replace('/', '-')}{SUFFIX}"
        if not (self._folder / file).exists():
            _write(self._folder / WAITING / file if self._quorum else self._folder / file, note, proof)

    async def round(self) -> None:
        """Ask for cosigned proofs until none of those that wait is proven by one (2, 3).

        Raises:
            PasserelleError: `log_forked`, with evidence; what the port raises.
        """
        while waiting := await asyncio.to_thread(self._waiting):
            try:
                note, proofs = await self._port.prove(list(waiting), (), witnesses=self._quorum)
            except PasserelleError as error:
                if error.code != "proof_unavailable":  # no quorum yet
                    raise
                return
            checkpoint = await self._follower.see(note)
            try:
                check_quorum(note, self._witnesses(), self._quorum)
            except PasserelleError as error:
                if error.code != "witnesses_missing":  # nor by our own count
                    raise
                return
            for proof in proofs:
                verify_log_proof(proof.proof, proof.commitment, checkpoint)
                await asyncio.to_thread(self._settle, waiting.get(proof.commitment), note, proof)
            if len(proofs) < AT_ONCE:
                return

    def _waiting(self) -> dict[bytes, Path]:
        """The oldest files that wait, by the commitment of their event."""
        files = sorted((self._folder / WAITING).glob(f"*{SUFFIX}"), key=lambda file: file.stat().st_mtime_ns)
        return {read_proof(file.read_bytes())[1].commitment: file for file in files[:AT_ONCE]}

    def _settle(self, file: Path | None, note: Note, proof: EventProof) -> None:
        if file is not None:
            place = self._folder / file.name
            if not place.exists():
                _write(place, note, proof)
            file.unlink(missing_ok=True)


def _write(file: Path, note: Note, proof: EventProof) -> None:
    if not file.exists():
        make_folder(file.parent, 0o755)
        write_durably(file, write_proof(note, proof), mode=0o644)
