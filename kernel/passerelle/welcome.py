"""What an authority hands a newcomer once it is approved: where the others listen and how they are verified.

Nothing of it is secret. It comes over a connection pinned to the authority's root, whose fingerprint the
newcomer compared out of band; entries verify with `registry_key` besides.
"""

from __future__ import annotations

from dataclasses import dataclass

from passerelle.sign import Signed


@dataclass(frozen=True, slots=True)
class TrusteeAddress:
    """A trustee: its index in the group keys, its agency, `host:port`."""

    index: int
    agency: str
    address: str


@dataclass(frozen=True, slots=True)
class Welcome:
    """`registry_key` raw, `entries` signed, `group_keys` the trustees' public document (JSON).

    `hub_address` is `host:port`; an operator that does not state its hub leaves it empty.
    """

    registry_key: bytes
    entries: tuple[Signed, ...]
    hub_agency: str
    hub_address: str
    trustees: tuple[TrusteeAddress, ...]
    group_keys: bytes
    domain: str


@dataclass(frozen=True, slots=True)
class EnrolmentStatus:
    """How far an enrolment is: `requested`, `approved` (with chain and welcome) or `rejected`."""

    state: str
    chain: bytes
    welcome: Welcome | None
