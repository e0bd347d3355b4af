"""The configuration that a newcomer starts with: the others filled in, its own source to be set."""

from __future__ import annotations

import json
from string import Template

from passerelle.identity import Identity
from passerelle.invitation import Invitation
from passerelle.welcome import Welcome

_TEMPLATE = Template("""\
# Written by `passerelle connector enrol`. Set [source], [map] and [marking] to your own rows
# (docs/operate/rows.md).
identity = $identity
domain = $domain
recipients = []

[source]
kind = "folder"
path = "data"
reference = "id"

[map]
family_name = "surname"
given_name = "given"
born = "born"
national_number = "number"

[marking]
classification = "restricted"
handling = "H1"
purposes = ["counter_terrorism"]
legal_basis = "be_ter_2024"

[hub]
address = $hub_address
agency = $hub_agency

[pki]
address = $pki_address
agency = $pki_agency

[[revocation.sources]]
trust_domain = $pki_domain
address = $pki_address
agency = $pki_agency
$trustees""")
_TRUSTEE = Template("""
[[trustees]]
index = $index
address = $address
agency = $agency
""")


def connector_toml(identity: Identity, invitation: Invitation, welcome: Welcome) -> str:
    """The text of `connector.toml`."""
    trustees = (
        _TRUSTEE.substitute(index=one.index, address=_text(one.address), agency=_text(one.agency))
        for one in welcome.trustees
    )
    return _TEMPLATE.substitute(
        identity=_text(str(identity)),
        domain=_text(welcome.domain),
        hub_address=_text(welcome.hub_address),
        hub_agency=_text(welcome.hub_agency),
        pki_address=_text(invitation.address),
        pki_agency=_text(invitation.authority.agency),
        pki_domain=_text(invitation.authority.trust_domain),
        trustees="".join(trustees),
    )


def _text(value: str) -> str:
    """A TOML basic string; JSON's escapes are among TOML's."""
    return json.dumps(value)
