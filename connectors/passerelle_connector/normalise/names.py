"""Names of persons and organisations: from what a row says to the forms that keys are made of.

A person's name: (1) text in brackets goes, transliteration; (2) titles and generation suffixes go while two
parts remain; (3) "servant of" compounds become one part (ABDUL RAHMAN, ABD AL-RAHMAN, ABDERRAHMANE: all ABD
+ stem); (4) particles go in the core form and stay in the kept form; (5) Dutch particles glued to the name
come off (VANDENBERGHE: BERGHE); (6) the whole name is its sorted parts. Each form exists in ICAO and in
plain spelling.

An organisation's name: an abbreviation in brackets goes (several words in brackets, as of a branch, stay),
legal forms and articles go while a part remains, then sorted parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from passerelle_connector.normalise.subject import NameForm, NameQuality
from passerelle_connector.normalise.tables import words
from passerelle_connector.normalise.text import latin

_BRACKETS: Final = re.compile(r"[(\[（][^)\]）]*[)\]）]")
_ABBREVIATION: Final = re.compile(r"[(\[（]\s*[^\s)\]）]+\s*[)\]）]")
_SERVANT: Final = re.compile(r"^ABD(?:[AEIOU]{0,2}L(?=[A-Z]{2})|[AEIOU]{1,2}([RSNZTDJ])(?=\1[A-Z]{2}))")
_DIGITS: Final = re.compile(r"[0-9]+")
_DOTTED: Final = re.compile(r"(?<=\b\w)\.(?=\w\b)")
_GLUED_STEM: Final = 4
_MIN_PARTS: Final = 2


def distinct(values: Iterable[str]) -> tuple[str, ...]:
    """The values that are not empty, each once, in order."""
    return tuple(dict.fromkeys(value for value in values if value))


def split_name(family: str, given: str, middle: str, quality: NameQuality) -> NameForm:
    """A name that came in parts.

    `given` may hold several names: the first is the given name, the others middle.
    """
    families = _spellings(family)
    givens = _spellings(f"{given} {middle}")
    kept = tuple("".join(_drop_titles(parts)) for parts in _spellings_raw(family))
    return NameForm(
        family=distinct((*("".join(parts) for parts in reversed(families)), *reversed(kept))),
        given=distinct(parts[0] for parts in reversed(givens) if parts),
        middle=givens[1][1:],
        full=distinct(
            " ".join(sorted((*f, *g))) for f, g in zip(reversed(families), reversed(givens), strict=True)
        ),
        full_parts=len(families[1]) + len(givens[1]),
        quality=quality,
    )


def whole_name(full: str, quality: NameQuality) -> NameForm:
    """A person's name that came unsplit; `Surname, Given` is split at its comma."""
    family, comma, given = full.partition(",")
    if comma and family.strip() and given.strip() and "," not in given:
        return split_name(family, given, "", quality)
    forms = _spellings(full)
    if len(forms[1]) < _MIN_PARTS:  # with its title it is still a name, without it is one word
        icao, plain = _spellings_raw(full)
        forms = _joined(icao), _joined(plain)
    return NameForm(
        family=(),
        given=(),
        middle=(),
        full=distinct(" ".join(sorted(parts)) for parts in reversed(forms)),
        full_parts=len(forms[1]),
        quality=quality,
    )


def organisation_name(full: str, quality: NameQuality) -> NameForm:
    """The name of an organisation: `full` only."""
    bare = _DOTTED.sub("", _ABBREVIATION.sub(" ", full))
    table = words()
    forms: list[str] = []
    for spelling in reversed(latin(bare if bare.strip() else full)):
        parts = spelling.split()
        core = [part for part in parts if part not in table.legal_forms and part not in table.articles]
        forms.append(" ".join(sorted(core or parts)))
    return NameForm((), (), (), distinct(forms), len(forms[0].split()), quality)


@lru_cache(maxsize=65_536)
def _spellings_raw(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Steps (1): the parts in ICAO and in plain spelling, particles and titles still there."""
    bare = _BRACKETS.sub(" ", text)
    icao, plain = latin(_DIGITS.sub(" ", bare if bare.strip() else text))
    return tuple(icao.split()), tuple(plain.split())


@lru_cache(maxsize=65_536)
def _spellings(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Steps (1) to (5): the core parts in ICAO and in plain spelling."""
    icao, plain = _spellings_raw(text)
    return _core(icao), _core(plain)


def _drop_titles(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Step (2). A name made of titles alone is kept as it is."""
    table = words()
    rest = tuple(part for part in parts if part not in table.titles and part not in table.generations)
    return rest or parts


def _core(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Steps (2) to (5)."""
    table = words()
    parts = _drop_titles(parts)
    return _joined(tuple(part for part in parts if part not in table.particles) or parts)


def _joined(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Steps (3) and (5)."""
    table = words()
    joined: list[str] = []
    for part in parts:
        if joined and joined[-1] in table.servant:
            joined[-1] = _SERVANT.sub("ABD", f"{joined[-1]}{part}")
        else:
            joined.append(_unglue(_SERVANT.sub("ABD", part), table.glued))
    return tuple(joined)


def _unglue(part: str, glued: tuple[str, ...]) -> str:
    for prefix in glued:
        if part.startswith(prefix) and len(part) >= len(prefix) + _GLUED_STEM:
            return part[len(prefix) :]
    return part
