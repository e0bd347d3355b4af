"""A record that only the hub knows of: what its withdrawal is made from says as little as a header can."""

from __future__ import annotations

import os

from passerelle.codec.header import decode_header
from passerelle.holdings import Holding, HoldingState
from passerelle.marking import Tlp
from passerelle.record import RecordAction
from passerelle_connector.sealing import withdrawal
from passerelle_connector.strangers import STRANGER, bare_header, stranger

ONE = Holding(b"r" * 16, 7, HoldingState.ACTIVE)


def test_its_withdrawal_names_the_record_and_nothing_else() -> None:
    row = stranger(ONE)
    made = withdrawal(bare_header("police", ONE), row, 5, os.urandom)
    header = decode_header(made.header)
    assert (header.agency, header.record_id, header.revision) == ("police", ONE.record_id, row.revision)
    assert (header.action, header.marking.tlp) == (RecordAction.WITHDRAW, Tlp.RED)
    assert (header.marking.purposes, header.sections, made.tokens) == ((), (), b"")
    assert row.reference == STRANGER + ONE.record_id.hex()
