"""Evaluate: the one thing a trustee does.

(1) find the share by domain, identifier group and epoch;
(2) check generation and quorum: this trustee is in it, and it has as many members as the threshold;
(3) bill the request to the agency, on disk (`quota`);
(4) multiply by λ_i·k_i and prove it (`passerelle.oprf.threshold`);
(5) answer.

Order: nothing is evaluated that is not billed and logged. A request refused in (1) or (2) costs nothing. The
size limit and all ranges hold by the type of the request. The trustee sees blinded elements, which are
uniformly random, and counts; it keeps the counts. Calls may run in several threads; large requests spread
over threads by themselves.
"""

from __future__ import annotations

from typing import Protocol

from passerelle.groups import Group
from passerelle.oprf import threshold
from passerelle.oprf.keys import KeyShare
from passerelle.oprf.protocol import EvaluateAnswer, EvaluateRequest, TrusteeDescription
from passerelle_trustee.quota import Quota


class Shares(Protocol):
    """What an evaluator finds shares in: one book, or all books of a trustee."""

    @property
    def index(self) -> int:
        """This trustee's index."""
        ...

    @property
    def shares(self) -> tuple[KeyShare, ...]:
        """All of them."""
        ...

    def find(self, domain: str, group: Group, epoch: int, generation: int) -> KeyShare:
        """The share that a request means, or one that will refuse it.

        Raises:
            PasserelleError: `share_unknown`.
        """
        ...


class Evaluator:
    """A trustee's steps without the network.

    Args:
        shares: what it evaluates with.
        quota: what it bills to.
    """

    def __init__(self, shares: Shares, quota: Quota) -> None:
        self._shares = shares
        self._quota = quota

    def evaluate(self, *, agency: str, request: EvaluateRequest) -> EvaluateAnswer:
        """Evaluate a request of an agency whose identity was checked.

        Raises:
            PasserelleError: `share_unknown`, `share_generation_unknown`, `quorum_invalid`,
                `evaluation_budget_exceeded`, `request_id_reused`, `oprf_element_invalid`.
        """
        share = self._shares.find(request.domain, request.group, request.epoch, request.generation)  # (1)
        threshold.check_addressed(share, request)  # (2)
        self._quota.reserve(agency, request)  # (3)
        return threshold.evaluate(share, request)  # (4) (5)

    def describe(self) -> TrusteeDescription:
        """What anyone who may call the trustee may know."""
        return TrusteeDescription(self._shares.index, tuple(share.info for share in self._shares.shares))
