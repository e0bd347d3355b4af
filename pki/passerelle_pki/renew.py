"""Renewal: a leaf for a party that signs with its registered manifest key, whatever became of its last leaf.

Protocol of `renew`
(1) the key id of the signature selects a registered manifest key; (2) both signatures verify; (3) the exact
bytes are read; (4) the request is addressed to this authority and fresh; (5) the entry of its agency is
active, has the role, and names this very manifest key; (6) the party's budget of leaves; (7) its nonce was
not seen; (8) the authority issues what the certificate request asks for, or nothing.

Nonces are remembered for as long as a request is fresh, and in memory alone: a request dated before this
process began is refused as stale. What somebody gains who repeats a request all the same is a leaf for a key
that he does not have. Not for concurrent use: one thread.
"""

from __future__ import annotations

from threading import Lock
from typing import Final

from cryptography import x509

from passerelle.certificate import Usage, read_chain
from passerelle.clock import SECOND, Clock
from passerelle.csr import key_pem, make_request, new_key
from passerelle.errors import PasserelleError
from passerelle.identity import Identity
from passerelle.log import get_logger
from passerelle.renewal import FRESH, verify_renewal
from passerelle.rpc.anonymous import Throttle
from passerelle.rpc.material import TlsBytes
from passerelle.sign import Signed
from passerelle_pki.authority import Authority
from passerelle_pki.calls import RENEW
from passerelle_pki.register import Register

HOUR: Final = 3600 * SECOND
LEAVES_EACH: Final = 12
LEAVES_TOTAL: Final = 10_000
"""Leaves an hour, of one identity and in all. A party at work asks twice a week."""

_LOG: Final = get_logger("pki")


class Renewals:
    """Answers signed requests for leaves of one trust domain."""

    def __init__(self, authority: Authority, identity: Identity, register: Register, clock: Clock) -> None:
        """`identity` is the authority's own, which requests name."""
        self.identity: Final = identity
        self._authority = authority
        self._register = register
        self._clock = clock
        self._started = clock.now()
        self._budget = Throttle(clock, LEAVES_EACH, LEAVES_TOTAL, HOUR)
        self._seen: dict[tuple[Identity, bytes], int] = {}

    def now(self) -> int:
        """The authority's clock."""
        return self._clock.now()

    def renew(self, signed: Signed) -> bytes:
        """The chain (PEM: leaf, then issuing authority) for a signed request.

        Raises:
            PasserelleError: `renewal_key_unknown`, what `passerelle.renewal.verify_renewal` raises,
                `renewal_wrong_authority`, `renewal_stale`, `agency_unknown`, `agency_suspended`,
                `role_not_allowed`, `quota_exceeded`, `renewal_replayed`, what `Authority.issue_leaf` raises.
        """
        key = self._register.manifest_key(signed.signature.key_id)  # (1)
        request = verify_renewal(signed, key)  # (2) (3)
        now, identity = self._clock.now(), request.identity
        if request.authority != self.identity:  # (4)
            raise PasserelleError("renewal_wrong_authority", str(identity))
        request.check_fresh(now)
        if request.at < self._started:
            raise PasserelleError("renewal_stale", "made before this process began")
        self._register.check(identity, key)  # (5)
        if identity.role not in RENEW.roles:
            raise PasserelleError("role_not_allowed", f"{identity.role} renews")
        self._budget.take(str(identity), RENEW.quota)  # (6)
        self._remember(identity, request.nonce, request.at, now)  # (7)
        chain = self._authority.issue_leaf(identity, request.request.encode("ascii"), request.usage)  # (8)
        _LOG.info("leaf.renewed", peer=str(identity), detail=str(request.usage))
        return chain

    def _remember(self, identity: Identity, nonce: bytes, at: int, now: int) -> None:
        self._seen = {known: made for known, made in self._seen.items() if made >= now - FRESH}
        if (identity, nonce) in self._seen:
            raise PasserelleError("renewal_replayed", str(identity))
        self._seen[identity, nonce] = at


class OwnLeaf:
    """The listener's own server leaf, issued by the authority behind it and again at half its life.

    Key and leaf live in memory alone; every start issues a new one. Safe to share between threads.
    """

    def __init__(self, authority: Authority, identity: Identity, clock: Clock) -> None:
        self._authority = authority
        self._identity = identity
        self._clock = clock
        self._lock = Lock()
        self._current: TlsBytes | None = None
        self._until = 0

    def read(self) -> TlsBytes:
        """The current pair; see `passerelle.rpc.material.TlsMaterial`.

        Raises:
            PasserelleError: what `Authority.issue_leaf` raises.
        """
        with self._lock:
            if self._current is None or self._clock.now() >= self._until:
                self._current = self._issue()
            return self._current

    def _issue(self) -> TlsBytes:
        key = new_key()
        request = make_request(key, self._identity, Usage.SERVER)
        pair = TlsBytes(key_pem(key), self._authority.issue_leaf(self._identity, request, Usage.SERVER))
        self._until = _half_life(read_chain(pair.chain)[0])
        return pair


def _half_life(leaf: x509.Certificate) -> int:
    begin, end = leaf.not_valid_before_utc.timestamp(), leaf.not_valid_after_utc.timestamp()
    return int((begin + end) / 2) * SECOND
