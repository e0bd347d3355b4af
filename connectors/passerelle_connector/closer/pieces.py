"""What a closer look at one pair compares: the pieces of a record's main name, birth date and address.

Rules
-----
1. A field is its set of pieces: pairs of neighbouring letters, with a mark at both ends; of a birth date the
   digits with their places. A pair that stands twice is numbered, so that sets compare as bags do.
2. The main name counts, the first full birth date and the first address: one value a field.
3. A field has at most `MOST_PIECES` pieces; of a longer one the first.

A piece is worth nothing by itself, and few letters make few pieces: whoever may have them evaluated at will
reads the field. So they are made for one pair alone, under its nonce, and by a key and budget of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from passerelle.closer import MOST_PIECES
from passerelle.groups import EntityKind
from passerelle_connector.normalise.subject import Address, NameForm, NameQuality, Subject

_END: Final = "_"


def pieces(subject: Subject) -> Mapping[str, tuple[str, ...]]:
    """Field to its pieces, for the fields that a person's record has; nothing for anybody else."""
    if subject.entity is not EntityKind.PERSON:
        return {}
    found = {field: made[:MOST_PIECES] for field, made in _fields(subject) if made}
    return dict(sorted(found.items()))


def _fields(subject: Subject) -> Iterator[tuple[str, tuple[str, ...]]]:
    name = next((form for form in subject.names if form.quality is not NameQuality.WEAK), None)
    if name is not None:
        yield from _name(name)
    birth = next((one for one in subject.births if one.day), None)
    if birth is not None:
        digits = birth.iso().replace("-", "")
        yield "birth", tuple(f"{place}{digit}" for place, digit in enumerate(digits))
    if subject.addresses:
        yield from _address(subject.addresses[0])


def _name(name: NameForm) -> Iterator[tuple[str, tuple[str, ...]]]:
    for field, spellings in (("surname", name.family), ("given", name.given)):
        yield field, _pairs(spellings[0] if spellings else "")


def _address(address: Address) -> Iterator[tuple[str, tuple[str, ...]]]:
    for field in ("street", "house_number", "postcode", "locality"):
        yield field, _pairs(str(getattr(address, field)).replace(" ", ""))


def _pairs(text: str) -> tuple[str, ...]:
    """Rule 1 for letters."""
    if not text:
        return ()
    marked = f"{_END}{text}{_END}"
    seen: Counter[str] = Counter()
    made: list[str] = []
    for place in range(len(marked) - 1):
        two = marked[place : place + 2]
        made.append(two if not seen[two] else f"{two}{seen[two]}")
        seen[two] += 1
    return tuple(made)
