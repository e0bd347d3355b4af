"""The frozen tables of `norm/1`, read once.

No table is ever edited in place: another table is another protocol.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from passerelle import release

NORM_VERSION: Final = "norm/1"


@dataclass(frozen=True, slots=True)
class Words:
    """The word lists of `names-1.toml`, all in plain A-Z form except `placeholders`."""

    particles: frozenset[str]
    glued: tuple[str, ...]
    titles: frozenset[str]
    generations: frozenset[str]
    servant: frozenset[str]
    articles: frozenset[str]
    legal_forms: frozenset[str]
    placeholders: frozenset[str]
    placeholder_dates: frozenset[str]
    common_surnames: frozenset[str]
    sex: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Letters:
    """Transliteration maps for `str.translate`, and the contextual ones of Greek and Arabic."""

    icao: Mapping[int, str]
    plain: Mapping[int, str]
    greek_pairs: Mapping[str, str]
    arabic_initial: Mapping[str, str]


def read(name: str) -> dict[str, Any]:
    """One table of the protocol, as the release signed it.

    Raises:
        PasserelleError: `table_unsigned`.
        ValueError: the file states another protocol version.
    """
    table = tomllib.loads(release.table(f"passerelle_connector/normalise/data/{name}"))
    if table.pop("version") != NORM_VERSION:
        raise ValueError(f"{name} is no table of {NORM_VERSION}")
    return table


@cache
def words() -> Words:
    """The word lists."""
    table = read("names-1.toml")
    sexes: Mapping[str, list[str]] = table.pop("sex")
    glued: list[str] = table.pop("glued")
    sets = {name: frozenset[str](entries) for name, entries in table.items()}
    return Words(
        glued=tuple(sorted(glued, key=len, reverse=True)),
        sex={word: code for code, entries in sexes.items() for word in entries},
        **sets,
    )


@cache
def letters() -> Letters:
    """The transliteration tables."""
    table = read("translit-1.toml")
    shared = {**table["greek"], **table["arabic"], **table["hebrew"]}
    icao = {**table["icao"], **table["cyrillic_icao"], **shared}
    plain = {**table["plain"], **table["cyrillic_icao"], **table["cyrillic_plain"], **shared}
    return Letters(
        icao=str.maketrans(icao),
        plain=str.maketrans(plain),
        greek_pairs=table["greek_pairs"],
        arabic_initial=table["arabic_initial"],
    )


@cache
def stop_values() -> Mapping[str, frozenset[str]]:
    """Kind of identifier to the canonical values that stand in public documentation."""
    return {kind: frozenset[str](values) for kind, values in read("stops-1.toml").items()}


@cache
def street_words() -> frozenset[str]:
    """Words that say what kind of street it is."""
    return frozenset[str](read("streets-1.toml")["kinds"])
