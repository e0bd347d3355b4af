"""Stop values: identifiers of public documentation are left out, and the row is told."""

from __future__ import annotations

import pytest

from passerelle_connector.normalise import normalise
from passerelle_connector.normalise.identifiers import PARSERS, Context
from passerelle_connector.normalise.tables import stop_values

VALUES = [(kind, value) for kind, values in stop_values().items() for value in sorted(values)]
COLUMNS = {"IBAN": "iban", "IP address": "ip", "VIN": "vin", "e-mail": "email"}


@pytest.mark.parametrize(("kind", "value"), VALUES)
def test_each_stands_in_its_canonical_form(kind: str, value: str) -> None:
    assert PARSERS[kind][1](value, Context("BE", "")) == value


@pytest.mark.parametrize(
    ("column", "text"), [("iban", "BE68 5390 0754 7034"), ("phone", "078 170 170"), ("ip", "8.8.8.8")]
)
def test_a_row_keeps_the_rest_and_is_told(column: str, text: str) -> None:
    result = normalise({"family_name": "Maes", "given_name": "An", "born": "1980-02-03", column: text})
    assert not result.rejected
    assert result.subject.identifiers == ()
    assert [(one.code, one.field) for one in result.problems] == [("row_value_common", column)]


def test_other_values_pass() -> None:
    result = normalise({"family_name": "Maes", "iban": "BE71 0961 2345 6770", "ip": "8.8.8.9"})
    assert [one.value for one in result.subject.identifiers] == ["8.8.8.9"]
