"""The frozen phonetic code `sk/1`: the skeleton of consonants a name keeps across spellings and alphabets.

Arabic and Hebrew write no short vowels, and European clerks write foreign vowels as they hear them, so the
code keeps consonants only, in ten classes: P (b p), F (f v w), T (d t), K (c g k q), S (s z and all hushing
sounds), J (j, and y or i before a vowel), L, M, N, R, and H where it is sounded. A vowel counts at the
start alone, as A.

Steps: (1) letter groups, longest first; (2) single letters to classes; (3) h at the end is silent; (4)
doubled letters become one; (5) vowels after the first letter go. Digits stand for themselves.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

# (1) Order matters: longer groups first. Capitals are letters still to be read, small ones are read already.
_GROUPS: Final = tuple(
    (re.compile(pattern), value)
    for pattern, value in (
        (r"SHCH|TSCH|TSCJ", "s"),
        (r"DSCH|DZH|DJ", "j"),
        (r"SCH|TCH|TSH", "s"),
        (r"CH(?=[RLN])", "k"),
        (r"SH|CH|CZ|SZ|TS|TZ|DZ|SJ|TJ|CS", "s"),
        (r"ZH", "j"),
        (r"KH|GH|CK|QU|CQ", "k"),
        (r"PH", "f"),
        (r"[TD]H", "t"),
        (r"X", "ks"),
        (r"C(?=[EIY])", "s"),
        (r"^J|^[YI](?=[AEIOUY])|J(?=[AEIOUY])", "j"),
        (r"(?<=[AEIOUY])W(?=[OU])", "A"),
    )
)
_CLASSES: Final = str.maketrans(
    {  # (2)
        **dict.fromkeys("BP", "p"),
        **dict.fromkeys("FVW", "f"),
        **dict.fromkeys("DT", "t"),
        **dict.fromkeys("CGKQ", "k"),
        **dict.fromkeys("SZ", "s"),
        **dict.fromkeys("AEIOUYJ", "a"),
        **{letter: letter.lower() for letter in "LMNRH"},
    }
)
_SILENT_H: Final = re.compile(r"h$")
_DOUBLED: Final = re.compile(r"(.)\1+")
_VOWELS: Final = re.compile(r"(?<=.)a")


@lru_cache(maxsize=65_536)
def skeleton(part: str) -> str:
    """The code of one part of a name in plain form (A-Z, 0-9, no spaces).

    Upper case, empty for an empty part.
    """
    coded = part
    for pattern, value in _GROUPS:
        coded = pattern.sub(value, coded)
    coded = _SILENT_H.sub("", coded.translate(_CLASSES))  # (3)
    return _VOWELS.sub("", _DOUBLED.sub(r"\1", coded)).upper()  # (4) (5)
