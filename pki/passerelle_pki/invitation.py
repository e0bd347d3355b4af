"""Fingerprints and invitations as operators hand them out; see `passerelle.invitation` for taking them."""

from __future__ import annotations

from passerelle.certificate import read_chain
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.invitation import Invitation, root_fingerprint
from passerelle_pki.authority import Authority
from passerelle_pki.config import PkiSettings


def fingerprint(authority: Authority) -> str:
    """The fingerprint of the authority's root, to be told out of band.

    Raises:
        PasserelleError: `authority_unreadable`, several roots: an invitation names one.
    """
    if len(read_chain(authority.roots)) != 1:
        raise PasserelleError("authority_unreadable", "several roots")
    return root_fingerprint(authority.roots)


def invite(settings: PkiSettings, authority: Authority, identity: Identity) -> Invitation:
    """The invitation of one identity."""
    fingerprint(authority)
    address = settings.federation.authority if settings.federation else ""
    return Invitation(
        authority=Identity(authority.trust_domain, Role.PKI, settings.agency),
        address=address or settings.listen,
        identity=identity,
        root=authority.roots,
    )
