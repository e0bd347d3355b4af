"""An address in the parts that keys are made of: what stays the same when two clerks note one home.

Streets are written with and without their kind ("Rue Haute", "Haute"), joined and parted ("Molen straat"),
shortened at the end; so a street is known by the first four letters of its first word that is no kind of
street. A house number is its leading digits, a locality has no spaces.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from passerelle_connector.normalise.subject import Address
from passerelle_connector.normalise.tables import street_words

_START: Final = 4
_NUMBER: Final = re.compile(r"^0*([0-9]+)")


@dataclass(frozen=True, slots=True)
class Home:
    """Parts of one address, empty where unknown; `street` is the start of its name."""

    street: str
    house: str
    postcode: str
    locality: str


def home(address: Address) -> Home | None:
    """The parts of an address; nothing where it says no more than a country."""
    words = address.street.split()
    named = [word for word in words if word not in street_words() and not word.isdigit()] or words
    number = _NUMBER.match(address.house_number)
    found = Home(
        street=named[0][:_START] if named else "",
        house=number.group(1) if number else address.house_number,
        postcode=address.postcode,
        locality=address.locality.replace(" ", ""),
    )
    return found if found.street or found.house or found.postcode or found.locality else None
