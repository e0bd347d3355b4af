"""What the demonstration says of a notification, to somebody who has never seen one."""

from __future__ import annotations

import pytest
from bad_answers import NOTE

from passerelle.notification import Agreement
from passerelle_demo.report import example


@pytest.mark.parametrize(
    ("own", "counterpart", "said"),
    [
        ((bytes(16),), "customs", "a record of yours agrees with one that customs holds"),
        ((), "customs+police", "records of customs and police agree"),
    ],
    ids=["an agency", "the director's desk"],
)
def test_an_example_says_whose_records_agree(own: tuple[bytes, ...], counterpart: str, said: str) -> None:
    agreements = (Agreement("phone", "exact", 8.0), Agreement("prior", "", -6.0))
    note = NOTE._replace(own_records=own, counterpart=counterpart, agreements=agreements, odds=">=32:1")
    assert list(example(note)) == [
        f"    for example: {said}, odds >=32:1:",
        "      phone exact: +8.0 bits",
        "      prior: -6.0 bits",
    ]
