"""Protocol `norm/1`: canonical forms that two connectors reach independently, byte for byte.

Frozen tables, rules and vectors; the version is part of every token's input and the hub refuses another one.
"""

from passerelle_connector.normalise.row import FIELDS, Settings, normalise
from passerelle_connector.normalise.subject import (
    Address,
    Identifier,
    NameForm,
    NameQuality,
    Normalised,
    PartialDate,
    Problem,
    Severity,
    Subject,
)
from passerelle_connector.normalise.tables import NORM_VERSION

__all__ = [
    "FIELDS",
    "NORM_VERSION",
    "Address",
    "Identifier",
    "NameForm",
    "NameQuality",
    "Normalised",
    "PartialDate",
    "Problem",
    "Settings",
    "Severity",
    "Subject",
    "normalise",
]
