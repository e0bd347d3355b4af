"""Records that the hub has of us and no row accounts for: enough of each to withdraw it.

Of such a record nothing is known but its id and revision. Its withdrawal needs a header all the same, so it
gets the least that a header can say, under the narrowest marking; and a row, so that its receipt is taken
like any other.
"""

from __future__ import annotations

from typing import Final

from passerelle.codec.header import encode_header
from passerelle.groups import EntityKind
from passerelle.holdings import Holding
from passerelle.marking import (
    Basis,
    Classification,
    Grading,
    Handling,
    Marking,
    SubjectCategory,
    TerCategory,
    Tlp,
)
from passerelle.record import DIGEST_BYTES, Header, Lifetime, RecordAction
from passerelle_connector.model import KnownRow, RowState

STRANGER: Final = "unknown record "
"""Begins the reference under which such a record is kept."""

_NOTHING: Final = Marking(
    classification=Classification.UNCLASSIFIED,
    handling=Handling.H0,
    tlp=Tlp.RED,
    ter_category=TerCategory.NONE,
    subject_category=SubjectCategory.OTHER,
    basis=Basis.FACT,
    grading=Grading("X", 4),
    purposes=(),
    legal_basis="",
    case_reference="",
)


def stranger(one: Holding) -> KnownRow:
    """The row that it is kept as."""
    reference = STRANGER + one.record_id.hex()
    return KnownRow(reference, one.record_id, one.revision, b"", "", 0, RowState.WITHDRAWN)


def bare_header(agency: str, one: Holding) -> bytes:
    """The header that its withdrawal is made from."""
    return encode_header(
        Header(
            agency=agency,
            record_id=one.record_id,
            revision=one.revision,
            action=RecordAction.PUT,
            entity=EntityKind.PERSON,
            marking=_NOTHING,
            lifetime=Lifetime(created=0),
            token_commitment=bytes(DIGEST_BYTES),
        )
    )
