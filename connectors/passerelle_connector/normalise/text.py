"""Transliteration to A-Z in two forms: ICAO 9303 (MUELLER) and plain (MULLER).

Steps of `latin`: (1) NFKC and upper case; (2) marks that carry no letter go; (3) contextual rules of Arabic
and Greek; (4) the frozen table; (5) remaining combining marks go (NFD); (6) anyascii for what is still no
ASCII; (7) everything but letters and digits becomes one space, except apostrophes, which vanish.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from anyascii import anyascii

from passerelle_connector.normalise.tables import letters

_ARABIC: Final = re.compile(r"[\u0600-\u06FF\u0750-\u077F]+")
_ARABIC_MARKS: Final = re.compile(
    r"[\u0610-\u061A\u064B-\u065F\u0670\u06D6-\u06ED\u200C-\u200F\u202A-\u202E]"
)
_GREEK: Final = re.compile(r"[\u0370-\u03FF]")
# Scripts without spaces: each sign is a part of the name of its own.
_SIGNS: Final = re.compile(r"([\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7A3])")
_APOSTROPHES: Final = re.compile(r"['`´‘’ʼʻʹʾʿ′\"]")
_OTHER: Final = re.compile(r"[^A-Z0-9]+")
_ARTICLE: Final = "ال"
_ARTICLE_STEM: Final = 3


@lru_cache(maxsize=65_536)
def latin(text: str) -> tuple[str, str]:
    """The (ICAO, plain) forms of a text: upper-case A-Z, 0-9 and single spaces."""
    cleaned = _APOSTROPHES.sub(
        "", _ARABIC_MARKS.sub("", unicodedata.normalize("NFKC", text).upper())
    )  # (1) (2)
    if cleaned.isascii():
        form = _OTHER.sub(" ", cleaned).strip()
        return form, form
    if _ARABIC.search(cleaned):
        cleaned = _ARABIC.sub(lambda word: _arabic(word.group()), cleaned)  # (3)
    if _GREEK.search(cleaned):
        cleaned = _greek(cleaned)  # (3)
    cleaned = _SIGNS.sub(r" \1 ", cleaned)
    table = letters()
    return _ascii(cleaned.translate(table.icao)), _ascii(cleaned.translate(table.plain))  # (4)


def _ascii(text: str) -> str:
    if not text.isascii():
        decomposed = unicodedata.normalize("NFD", text)
        bare = "".join(char for char in decomposed if not unicodedata.combining(char))  # (5)
        text = anyascii(bare).upper()  # (6)
    return _OTHER.sub(" ", _APOSTROPHES.sub("", text)).strip()  # (7)


def _arabic(word: str) -> str:
    """Part the article from its noun, and read waw and ya at the start of a word as consonants."""
    prefix = ""
    if word.startswith(_ARTICLE) and len(word) >= len(_ARTICLE) + _ARTICLE_STEM:
        prefix, word = "AL ", word[len(_ARTICLE) :]
    initial = letters().arabic_initial.get(word[0])
    return prefix + (initial + word[1:] if initial else word)


def _greek(text: str) -> str:
    """Read the Greek vowel and consonant pairs before the single letters (accents are dropped first)."""
    bare = "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
    for pair, value in letters().greek_pairs.items():
        bare = bare.replace(pair, value)
    return bare
