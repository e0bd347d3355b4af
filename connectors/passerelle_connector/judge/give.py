"""Giving a judgement: from what a person found to the hub's verified receipt.

(1) a link's id as the inbox shows it, and a reason that the verdict may rest on;
(2) the judgement, signed with the key that the registry shows;
(3) the receipt: signed by the hub, for this very judgement. Nothing is stored here: the new state of the link
    arrives in the inbox, as it does at the other agency.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from passerelle.clock import Clock
from passerelle.codec.judgement import decode_receipt, encode_judgement
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.judgement import (
    JUDGEMENT_TYPE,
    REASONS,
    RECEIPT_TYPE,
    Judgement,
    JudgementReceipt,
    Reason,
    Verdict,
)
from passerelle.record import ID_BYTES
from passerelle.sign import Signed, SigningKey, sign
from passerelle_connector.model import Random
from passerelle_connector.peers import Peers


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of which link (in hexadecimal), who says so and why; `clearance` from 1 to 5."""

    link: str
    verdict: Verdict
    reason: Reason
    user: str
    purpose: str
    legal_basis: str
    case_reference: str
    clearance: int


class JudgePort(Protocol):
    """The hub's Judgement."""

    async def judge(self, judgement: Signed) -> Signed:
        """The hub's signed receipt, not yet verified.

        Raises:
            PasserelleError: the hub's code, or `peer_unavailable`, `peer_timeout`.
        """
        ...


class Judge:
    """Gives judgements."""

    def __init__(
        self,
        *,
        identity: Identity,
        signing: Callable[[], SigningKey],
        peers: Peers,
        port: JudgePort,
        clock: Clock,
        random: Random,
    ) -> None:
        self._identity = identity
        self._signing = signing
        self._peers = peers
        self._port = port
        self._clock = clock
        self._random = random

    async def give(self, finding: Finding) -> JudgementReceipt:
        """The hub's receipt.

        Raises:
            PasserelleError: `judgement_unusable`; the hub's code; `judgement_receipt_invalid`.
        """
        judgement = self._judgement(finding)  # (1)
        signed = sign(self._signing(), JUDGEMENT_TYPE, encode_judgement(judgement))  # (2)
        return self._receipt(await self._port.judge(signed), signed, judgement)  # (3)

    def _judgement(self, finding: Finding) -> Judgement:
        try:
            link_id = bytes.fromhex(finding.link)
        except ValueError as error:
            raise PasserelleError("judgement_unusable", "no hexadecimal id") from error
        if len(link_id) != ID_BYTES or finding.reason not in REASONS[finding.verdict]:
            raise PasserelleError("judgement_unusable", f"{finding.verdict} on {finding.reason}")
        return Judgement(
            audience=str(self._peers.hub),
            agency=self._identity.agency,
            connector=str(self._identity),
            judgement_id=self._random(ID_BYTES),
            created=self._clock.now(),
            link_id=link_id,
            verdict=finding.verdict,
            reason=finding.reason,
            purpose=finding.purpose,
            legal_basis=finding.legal_basis,
            case_reference=finding.case_reference,
            user=finding.user,
            clearance=finding.clearance,
        )

    def _receipt(self, said: Signed, signed: Signed, judgement: Judgement) -> JudgementReceipt:
        try:
            receipt = decode_receipt(self._peers.verify_hub(said, RECEIPT_TYPE, self._clock.now()))
        except PasserelleError as error:
            raise PasserelleError("judgement_receipt_invalid", error.code) from error
        given = (judgement.agency, judgement.judgement_id, hashlib.sha256(signed.payload).digest())
        if (receipt.agency, receipt.judgement_id, receipt.statement) != given:
            raise PasserelleError("judgement_receipt_invalid", "the receipt for another judgement")
        return receipt
