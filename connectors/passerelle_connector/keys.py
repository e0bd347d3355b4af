"""Match keys: from a normalised subject to the values that become tokens.

Rules
-----
1. A key's value is its components in the catalogue's order, in UTF-8, joined by the unit separator 0x1F.
   Domain, kind, epoch and the versions of normaliser and catalogue are added by the tokeniser, not here.
2. Kinds are derived for the tiers the caller allows and for the subject's entity kind only.
3. Names that are weak aliases give no key. Names written in full but unsplit give order-free keys only.
4. Values come primary name first, and are cut at the kind's `max_values`: the same subject gives the same
   keys.
5. Kinds of rare names are skipped where the surname is one of the shipped common ones.
6. Letters are dropped one at a time from the first 15 of a name, so that a name never has more than the 16
   forms that every record shows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from passerelle.catalogue import Catalogue, KeyKind, Tier
from passerelle.groups import EntityKind
from passerelle_connector.normalise.home import Home, home
from passerelle_connector.normalise.phonetic import skeleton
from passerelle_connector.normalise.subject import NameForm, NameQuality, PartialDate, Subject
from passerelle_connector.normalise.tables import words

SEPARATOR: Final = "\x1f"
_MIN_PARTS: Final = 2
_MIN_SKELETON: Final = 5
_FORMS_PER_NAME: Final = 4
_EDIT_LETTERS: Final = 15


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """One value to tokenise, of the catalogue's kind `kind_id`."""

    kind_id: int
    value: bytes


@dataclass(frozen=True, slots=True)
class _Name:
    """The components of one split name.

    `pairs` are (surname, given) spellings, the first one plain and core.
    """

    pairs: tuple[tuple[str, str], ...]
    surname: str
    given: str
    middle: str

    @property
    def whole(self) -> bool:
        """Surname and given name are both known."""
        return bool(self.surname and self.given)


Parts = tuple[str, ...]


def derive(subject: Subject, catalogue: Catalogue, tiers: Collection[Tier]) -> tuple[Key, ...]:
    """All keys of a subject, each once, ordered by kind; no key for a subject that says too little."""
    found: dict[str, list[Parts]] = {}
    for name, parts in _values(subject):
        found.setdefault(name, []).append(parts)
    keys: list[Key] = []
    for kind in catalogue.kinds.values():
        if kind.tier in tiers and subject.entity in kind.entities:
            keys.extend(_keys(kind, found.get(kind.name, ())))
    return tuple(keys)


def _keys(kind: KeyKind, values: Collection[Parts]) -> Iterator[Key]:
    distinct = dict.fromkeys(SEPARATOR.join(parts) for parts in values)
    for value in tuple(distinct)[: kind.max_values]:
        yield Key(kind.id, value.encode())


def _values(subject: Subject) -> Iterator[tuple[str, Parts]]:
    """(kind name, components) of everything the subject says."""
    names = [form for form in subject.names if form.quality is not NameQuality.WEAK]
    if subject.entity is EntityKind.PERSON:
        yield from _person(subject, names)
    if subject.entity is EntityKind.ORGANISATION:
        yield from _organisation(subject, names)
    if subject.entity is EntityKind.MEANS:
        yield from _addresses(subject)
    for identifier in subject.identifiers:
        yield identifier.kind, (identifier.value,)


def _addresses(subject: Subject) -> Iterator[tuple[str, Parts]]:
    """Whole addresses: a house that is a record of its own."""
    for place in filter(None, map(home, subject.addresses)):
        if place.postcode and place.street and place.house:
            yield "address", (place.postcode, place.street, place.house)


def _person(subject: Subject, forms: list[NameForm]) -> Iterator[tuple[str, Parts]]:
    numbers = [identifier.value for identifier in subject.identifiers if identifier.kind == "national number"]
    names = [_name(form) for form in forms if form.family or form.given]
    homes = tuple(filter(None, map(home, subject.addresses)))
    for name in names:
        if name.whole:
            yield from _rare(name, subject.sex)
        for birth in subject.births:
            yield from _born(name, birth, subject.sex)
        for number in numbers:
            yield from _numbered(name, number)
        for place in homes:
            yield from _at_home(name, place)
    for birth in subject.births:
        if birth.day:
            for number in numbers:
                yield "number+birth", (number, birth.iso())
            for place in homes:
                yield from _born_at(birth.iso(), place)
    for form in forms:
        yield from _any_order(form, subject, homes)
        yield from _whole(form)


def _numbered(name: _Name, number: str) -> Iterator[tuple[str, Parts]]:
    """Which parts of the name agree where the number does."""
    if name.given:
        yield "number+given3", (number, name.given[:3])
    if name.surname:
        yield "number+surname3", (number, name.surname[:3])


def _name(form: NameForm) -> _Name:
    """Surname and given name in aligned spellings: plain with plain, ICAO with ICAO. Either may be empty."""
    families, givens = form.family or ("",), form.given or ("",)
    pairs = {(family, givens[0]): None for family in families}
    pairs |= {(family, givens[-1]): None for family in families}
    middle = form.middle[0][:1] if form.middle else ""
    return _Name(tuple(pairs)[:_FORMS_PER_NAME], families[0], givens[0], middle)


def _two_of_three(birth: PartialDate) -> tuple[str, ...]:
    """The ways to leave one part of the date out; the letters tell which stay. None for a bare year."""
    y, m, d = f"{birth.year:04d}", f"{birth.month:02d}", f"{birth.day:02d}"
    if birth.day:
        return f"ym{y}{m}", f"yd{y}{d}", f"md{m}{d}"
    return (f"ym{y}{m}",) if birth.month else ()


def _born(name: _Name, birth: PartialDate, sex: str) -> Iterator[tuple[str, Parts]]:
    """Keys of a split name with a birth date, as far as both carry."""
    if name.whole:
        for pair in name.pairs:
            yield "surname+given+birth year", (*pair, f"{birth.year:04d}")
    if not birth.day:
        return
    exact = birth.iso()
    if name.given:
        yield "given+birth", (name.given, exact)
        yield "given3+birth", (name.given[:3], exact)
        for variant in one_letter_less(name.given):
            yield "given but one letter+birth", (variant, exact)
    if name.surname:
        yield "surname~+birth", (skeleton(name.surname), exact)
        yield "surname3+birth", (name.surname[:3], exact)
        for variant in one_letter_less(name.surname):
            yield "surname but one letter+birth", (variant, exact)
    if name.whole:
        for pair in name.pairs:
            yield "surname+given+birth", (*pair, exact)
        yield "initials in any order+birth", (*sorted((name.surname[0], name.given[0])), exact)
        if sex:
            yield "initials+birth+sex", (name.surname[0], name.given[0], exact, sex)


def _born_at(birth: str, place: Home) -> Iterator[tuple[str, Parts]]:
    """Keys of a full birth date with a part of the address."""
    if place.postcode:
        yield "birth+postcode", (birth, place.postcode)
    if place.street:
        yield "birth+street", (birth, place.street)
    if place.locality:
        yield "birth+locality3", (birth, place.locality[:3])


def _at_home(name: _Name, place: Home) -> Iterator[tuple[str, Parts]]:
    """Keys of a split name with parts of the address."""
    digits = "".join(sorted(place.postcode))
    parts = tuple(filter(None, (name.surname[:3], name.given[:3])))
    if name.whole and place.postcode:
        yield "surname3+given3+postcode", (name.surname[:3], name.given[:3], place.postcode)
    if name.surname and place.street and digits:  # a given name would be shared by a whole street
        yield "surname3+street+postcode digits", (name.surname[:3], place.street, digits)
    if not place.house:
        return
    if name.surname and digits:
        yield "surname~+postcode digits+house number", (skeleton(name.surname), digits, place.house)
    if name.given and place.locality:
        yield "given3+locality+house number", (name.given[:3], place.locality, place.house)
    if place.street:
        if name.given:
            yield "given~+street+house number", (skeleton(name.given), place.street, place.house)
        for part in parts:
            yield "name part+street+house number", (part, place.street, place.house)


def _any_order(form: NameForm, subject: Subject, homes: tuple[Home, ...]) -> Iterator[tuple[str, Parts]]:
    """Keys of a whole name by its phonetic parts, sorted: surname and given name may have changed places."""
    if form.full_parts < _MIN_PARTS:
        return
    code = _either_order(form)
    for birth in subject.births:
        yield "names in any order+birth year", (code, f"{birth.year:04d}")
        for digits in _two_of_three(birth):
            yield "names in any order+birth two of three", (code, digits)
        if birth.day and not (form.family or form.given) and form.full_parts == _MIN_PARTS:
            initials = sorted(part[0] for part in form.full[0].split())
            yield "initials in any order+birth", (*initials, birth.iso())
    for place in homes:
        if place.locality:
            yield "names in any order+locality3", (code, place.locality[:3])


def _either_order(form: NameForm) -> str:
    """Surname and first given name in sorted order; of a name that came unsplit, all parts."""
    if form.family and form.given:
        return " ".join(sorted((skeleton(form.family[0]), skeleton(form.given[0]))))
    return _phonetic(form)


def one_letter_less(name: str) -> tuple[str, ...]:
    """The name and each form of it with one letter left out.

    Two names have one in common where a letter was added, dropped, replaced or swapped with the next.
    """
    head = name[:_EDIT_LETTERS]
    return tuple(dict.fromkeys((head, *(head[:place] + head[place + 1 :] for place in range(len(head))))))


def _rare(name: _Name, sex: str) -> Iterator[tuple[str, Parts]]:
    if name.surname in words().common_surnames:
        return
    if name.middle:
        yield "surname+given+middle initial", (name.surname, name.given, name.middle)
    if sex:
        yield "surname+given+sex", (name.surname, name.given, sex)


def _whole(form: NameForm) -> Iterator[tuple[str, Parts]]:
    """Whole names of persons; at most eight tokens a name."""
    if form.full_parts < _MIN_PARTS:
        return
    for full in form.full[:_FORMS_PER_NAME]:
        yield "whole name", (full,)
    code = _phonetic(form)
    if len(code) >= _MIN_SKELETON:
        yield "whole name~", (code,)


def _organisation(subject: Subject, forms: list[NameForm]) -> Iterator[tuple[str, Parts]]:
    localities = {address.locality: None for address in subject.addresses if address.locality}
    for form in forms:
        code = _phonetic(form)
        for full in form.full[:_FORMS_PER_NAME]:
            yield "organisation name", (full,)
            for locality in localities:
                yield "organisation name+locality", (full, locality)
        if len(code) >= _MIN_SKELETON:
            yield "organisation name~", (code,)
            for locality in localities:
                yield "organisation name~+locality", (code, locality)


def _phonetic(form: NameForm) -> str:
    return " ".join(sorted(filter(None, (skeleton(part) for part in form.full[0].split()))))
