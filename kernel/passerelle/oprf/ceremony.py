"""Making token keys among trustees, and dealing their shares anew, without anybody who knows a key.

A ceremony works on one key or several at once, each for a domain, identifier group and epoch.

- *generate*: every trustee is a dealer and a receiver; each dealer's secret is drawn afresh and the key is
  the sum of them (Pedersen, EUROCRYPT 1991).
- *reshare*: a quorum of the old trustees deals λ_j·k_j, so that the sum, and with it the key, stays (Desmedt
  and Jajodia 1997). The receivers are the new set of trustees, under a threshold of their own. To the same
  set and threshold it is the refresh of shares. Old shares must be erased afterwards.

Steps; each dealer j takes, for each key, a polynomial f_j of degree threshold - 1:

(1) *commit*: a digest of what it is going to reveal. Nobody reveals before all have committed, so that nobody
    chooses its part by the others' (Gennaro et al., EUROCRYPT 1999);
(2) *reveal*: the coefficients times the generator, A_jk, and a proof that it knows the constant one. In a
    reshare the constant one must be its old public share times its Lagrange factor;
(3) *deal*: to each receiver i the sub-share f_j(i), which the caller seals to it;
(4) *check*: f_j(i)·G = Σ i^k·A_jk. A sub-share that does not fit is disputed: the dealer shows it to all, and
    `judge` names who was wrong. The ceremony is then over, and another begins without the one named;
(5) *finish*: the share is the sum of the sub-shares, the public shares follow from the A_jk alone, so that
    all receivers come to the same public keys without talking.

Every function is pure; messages, signatures, durability and time-outs are the caller's. Refusals name the
dealer by number in their detail, never a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import reduce
from typing import Final

from passerelle import canonical
from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.oprf.group import (
    ELEMENT_BYTES,
    ORDER,
    SCALAR_BYTES,
    check_scalar,
    ristretto255,
    scalar,
    split,
)
from passerelle.oprf.hashing import hash_to_scalar
from passerelle.oprf.keys import MAX_TRUSTEES, GroupKeyInfo, KeyShare, effective_shares
from passerelle.oprf.shamir import lagrange, shares_of

CEREMONY_BYTES: Final = 16
SALT_BYTES: Final = 32
_PROOF_BYTES: Final = 2 * SCALAR_BYTES
_PROOF_LABEL: Final = b"passerelle/ceremony/possession/1"

RandomScalars = Callable[[int], bytes]
"""Draws that many independent, uniform, nonzero scalars, packed."""


@dataclass(frozen=True, slots=True, order=True)
class KeyName:
    """Which key: domain, identifier group and epoch (from 1)."""

    domain: str
    group: Group
    epoch: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What the parties of a ceremony agreed on. Equal plans have equal digests, and every message binds one.

    Args:
        ceremony: 16 bytes, used once.
        keys: in order, each once.
        generation: of the new shares, from 1.
        threshold: t of the new shares.
        receivers: n, how many trustees there are afterwards; their indices are 1 to n.
        old: in a reshare the public side of each key as it is, in the order of `keys`; else empty.
        dealers: indices, ascending: all receivers in a generation, a quorum of the old trustees in a reshare.

    Raises:
        PasserelleError: `ceremony_plan_invalid`.
    """

    ceremony: bytes
    keys: tuple[KeyName, ...]
    generation: int
    threshold: int
    receivers: int
    dealers: tuple[int, ...]
    old: tuple[GroupKeyInfo, ...] = ()

    def __post_init__(self) -> None:
        if len(self.ceremony) != CEREMONY_BYTES or not self.keys or list(self.keys) != sorted(set(self.keys)):
            raise PasserelleError("ceremony_plan_invalid", "its id, or keys out of order")
        if not 2 <= self.threshold <= self.receivers <= MAX_TRUSTEES or self.generation < 1:
            raise PasserelleError("ceremony_plan_invalid", "threshold, trustees or generation out of range")
        if self.old:
            self._check_reshare()
        elif self.dealers != tuple(range(1, self.receivers + 1)):
            raise PasserelleError("ceremony_plan_invalid", "in a generation every trustee deals")

    def _check_reshare(self) -> None:
        if tuple(KeyName(info.domain, info.group, info.epoch) for info in self.old) != self.keys:
            raise PasserelleError("ceremony_plan_invalid", "other keys than those to be dealt anew")
        if any(info.generation >= self.generation for info in self.old):
            raise PasserelleError("ceremony_plan_invalid", "a generation that is there already")
        for info in self.old:
            effective_shares(info, self.dealers)

    def digest(self) -> bytes:
        """32 bytes that stand for the whole plan."""
        keys = tuple((name.domain, name.group.value, name.epoch) for name in self.keys)
        old = tuple(info.to_json() for info in self.old)
        return canonical.digest(
            "passerelle/ceremony/plan/1",
            self.ceremony, keys, self.generation, self.threshold, self.receivers, self.dealers, old,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reveal:
    """What a dealer shows in step (2), key by key: packed A_jk (threshold of them), a proof (64 bytes)."""

    dealer: int
    commitments: tuple[bytes, ...]
    proofs: tuple[bytes, ...]
    salt: bytes

    def digest(self, plan: Plan) -> bytes:
        """The commitment of step (1), 32 bytes."""
        return canonical.digest(
            "passerelle/ceremony/commit/1",
            plan.digest(), self.dealer, self.commitments, self.proofs, self.salt,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dealing:
    """A dealer's own part, secret: for each key the packed coefficients, and what it reveals."""

    plan: Plan
    coefficients: tuple[bytes, ...] = field(repr=False)
    reveal: Reveal

    def sub_shares(self, receiver: int) -> bytes:
        """Step (3): packed f_j(i) for each key, secret, for this receiver alone."""
        return b"".join(shares_of(part, self.plan.receivers)[receiver - 1] for part in self.coefficients)


def begin(
    plan: Plan,
    dealer: int,
    salt: bytes,
    shares: Sequence[KeyShare] = (),
    random_scalars: RandomScalars | None = None,
) -> Dealing:
    """Draw a dealer's polynomials.

    Args:
        plan: what was agreed.
        dealer: this trustee's index, in a reshare the one of its old shares.
        salt: 32 random bytes that hide the reveal behind its commitment.
        shares: in a reshare the dealer's old shares, in the order of the keys.
        random_scalars: where scalars come from; for tests.

    Raises:
        PasserelleError: `ceremony_plan_invalid`, no dealer of this plan or other shares than its keys'.
    """
    if dealer not in plan.dealers or len(salt) != SALT_BYTES:
        raise PasserelleError("ceremony_plan_invalid", f"trustee {dealer} does not deal")
    if tuple(share.info for share in shares) != plan.old or any(share.index != dealer for share in shares):
        raise PasserelleError("ceremony_plan_invalid", f"trustee {dealer} has other shares")
    group, draw = ristretto255(), random_scalars or ristretto255().random_scalars
    fresh = [draw(plan.threshold) for _ in plan.keys]
    if shares:
        factor = lagrange(plan.dealers, dealer)
        kept = [group.scalar_multiply(factor, share.secret) for share in shares]
        fresh = [first + part[SCALAR_BYTES:] for first, part in zip(kept, fresh, strict=True)]
    commitments = tuple(group.multiply_base(part) for part in fresh)
    proofs = tuple(
        _possession(plan, dealer, part[:SCALAR_BYTES], shown[:ELEMENT_BYTES], draw(1))
        for part, shown in zip(fresh, commitments, strict=True)
    )
    return Dealing(plan, tuple(fresh), Reveal(dealer, commitments, proofs, salt))


def check_reveal(plan: Plan, commitment: bytes, reveal: Reveal) -> Reveal:
    """The reveal itself, once it is what was committed to and proves itself.

    Raises:
        PasserelleError: `ceremony_commitment_broken`, `ceremony_proof_invalid`, `ceremony_share_changed`.
    """
    name = f"dealer {reveal.dealer}"
    if reveal.dealer not in plan.dealers or reveal.digest(plan) != commitment:
        raise PasserelleError("ceremony_commitment_broken", name)
    sizes = {len(part) for part in reveal.commitments} | {plan.threshold * ELEMENT_BYTES}
    if len(sizes) != 1 or not len(reveal.commitments) == len(reveal.proofs) == len(plan.keys):
        raise PasserelleError("ceremony_proof_invalid", f"{name}: another size")
    for shown, proof in zip(reveal.commitments, reveal.proofs, strict=True):
        try:
            ristretto255().check_elements(shown)
            _check_possession(plan, reveal.dealer, shown[:ELEMENT_BYTES], proof)
        except PasserelleError as error:
            raise PasserelleError("ceremony_proof_invalid", f"{name}: {error.code}") from error
    for info, shown in zip(plan.old, reveal.commitments, strict=bool(plan.old)):
        due = effective_shares(info, plan.dealers)[plan.dealers.index(reveal.dealer)]
        if shown[:ELEMENT_BYTES] != due:
            raise PasserelleError("ceremony_share_changed", f"{name}: {info.label}")
    return reveal


def check_sub_shares(plan: Plan, reveal: Reveal, receiver: int, sub_shares: bytes) -> bytes:
    """Step (4): the sub-shares themselves, once they fit what their dealer revealed.

    Raises:
        PasserelleError: `ceremony_sub_share_invalid`.
    """
    fits = len(sub_shares) == len(plan.keys) * SCALAR_BYTES and _fit(plan, reveal, receiver, sub_shares)
    if not fits:
        raise PasserelleError("ceremony_sub_share_invalid", f"dealer {reveal.dealer}, receiver {receiver}")
    return sub_shares


class Culprit(StrEnum):
    """Who was wrong in a dispute."""

    DEALER = "dealer"
    RECEIVER = "receiver"


def judge(plan: Plan, reveal: Reveal, receiver: int, shown: bytes | None) -> Culprit:
    """Whom everybody blames for a disputed sub-share that its dealer showed, or did not show (None)."""
    try:
        check_sub_shares(plan, reveal, receiver, shown or b"")
    except PasserelleError:
        return Culprit.DEALER
    return Culprit.RECEIVER


def public_keys(plan: Plan, reveals: Sequence[Reveal]) -> tuple[GroupKeyInfo, ...]:
    """Step (5), the public side: one key for each of the plan, from all dealers' checked reveals.

    Raises:
        PasserelleError: `ceremony_incomplete`, `ceremony_key_changed`, `group_key_invalid`.
    """
    if sorted(reveal.dealer for reveal in reveals) != list(plan.dealers):
        raise PasserelleError("ceremony_incomplete", "not one reveal of each dealer")
    made = tuple(
        _public_key(plan, name, [reveal.commitments[at] for reveal in reveals])
        for at, name in enumerate(plan.keys)
    )
    for before, after in zip(plan.old, made, strict=bool(plan.old)):
        if before.public_key != after.public_key:
            raise PasserelleError("ceremony_key_changed", before.label)
    return made


def finish(
    plan: Plan, receiver: int, reveals: Sequence[Reveal], received: Mapping[int, bytes]
) -> tuple[KeyShare, ...]:
    """Step (5): a receiver's shares, from all dealers' checked reveals and checked sub-shares.

    Raises:
        PasserelleError: what `public_keys` raises, `share_file_invalid`.
    """
    infos = public_keys(plan, reveals)
    if sorted(received) != list(plan.dealers):
        raise PasserelleError("ceremony_incomplete", "not the sub-shares of each dealer")
    columns = [split(part) for part in received.values()]
    add = ristretto255().scalar_add
    return tuple(
        KeyShare(info, receiver, reduce(add, (column[at] for column in columns)))
        for at, info in enumerate(infos)
    )


def _public_key(plan: Plan, name: KeyName, commitments: Sequence[bytes]) -> GroupKeyInfo:
    """The coefficients' sums are the public polynomial; its values are key and public shares."""
    public = reduce(ristretto255().add, commitments)
    return GroupKeyInfo(
        domain=name.domain,
        group=name.group,
        epoch=name.epoch,
        generation=plan.generation,
        threshold=plan.threshold,
        public_key=public[:ELEMENT_BYTES],
        public_shares=tuple(_at(public, index) for index in range(1, plan.receivers + 1)),
    )


def _at(commitments: bytes, index: int) -> bytes:
    """The public polynomial's value at an index."""
    count = len(commitments) // ELEMENT_BYTES
    powers = b"".join(scalar(pow(index, power, ORDER)) for power in range(count))
    return ristretto255().weighted_sum(powers, commitments)


def _fit(plan: Plan, reveal: Reveal, receiver: int, sub_shares: bytes) -> bool:
    try:
        for shown, part in zip(reveal.commitments, split(sub_shares), strict=True):
            if ristretto255().multiply_base(check_scalar(part)) != _at(shown, receiver):
                return False
    except PasserelleError:
        return False
    return 1 <= receiver <= plan.receivers


def _possession(plan: Plan, dealer: int, secret: bytes, public: bytes, nonce: bytes) -> bytes:
    """Schnorr's proof of knowing the logarithm of `public`, bound to plan and dealer: challenge, response."""
    group = ristretto255()
    challenge = _challenge(plan, dealer, public, group.multiply_base(nonce))
    return challenge + group.scalar_subtract(nonce, group.scalar_multiply(challenge, secret))


def _check_possession(plan: Plan, dealer: int, public: bytes, proof: bytes) -> None:
    if len(proof) != _PROOF_BYTES:
        raise PasserelleError("oprf_proof_invalid", "a proof of another length")
    challenge, response = (check_scalar(part) for part in split(proof))
    group = ristretto255()
    commitment = group.add(group.multiply_base(response), group.multiply(challenge, public))
    if _challenge(plan, dealer, public, commitment) != challenge:
        raise PasserelleError("oprf_proof_invalid", "another challenge")


def _challenge(plan: Plan, dealer: int, public: bytes, commitment: bytes) -> bytes:
    parts = canonical.encode("passerelle/ceremony/possession/1", plan.digest(), dealer, public, commitment)
    return hash_to_scalar(parts, _PROOF_LABEL)
