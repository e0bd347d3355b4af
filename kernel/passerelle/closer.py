"""A closer look at one pair of records: what the hub asks, what a connector answers.

The hub draws a nonce for a pair whose score lies in the grey band and gives it to both sides. Each makes
tokens of the pieces of some fields, with the nonce inside the input, so that they compare inside this pair
and nowhere else. Neither side learns who the other is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from passerelle import canonical
from passerelle.errors import PasserelleError
from passerelle.record import ID_BYTES, TOKEN_BYTES

FIELDS: Final = ("surname", "given", "birth", "street", "house_number", "postcode", "locality")
"""The fields that are compared, of persons."""

MOST_PIECES: Final = 16
"""Pieces of one field, at most."""

NONCE_BYTES: Final = 16
PIECE_KIND: Final = 0
"""In place of a key kind inside the input of a piece; the catalogue has no kind 0."""


@dataclass(frozen=True, slots=True)
class Question:
    """One side of a pair: the nonce, and the record (of the agency that is asked) with its revision."""

    nonce: bytes
    record_id: bytes
    revision: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The tokens of the pieces of each field, under a question's nonce; sorted, so without their order.

    Raises:
        PasserelleError: `closer_answer_invalid`: another length, an unknown field, too many tokens or none.
    """

    nonce: bytes
    fields: Mapping[str, tuple[bytes, ...]]

    def __post_init__(self) -> None:
        if len(self.nonce) != NONCE_BYTES:
            raise PasserelleError("closer_answer_invalid", "a nonce of another length")
        for name, tokens in self.fields.items():
            if name not in FIELDS or not 1 <= len(tokens) <= MOST_PIECES:
                raise PasserelleError("closer_answer_invalid", f"{len(tokens)} tokens of one field")
            if len(set(tokens)) != len(tokens) or any(len(token) != TOKEN_BYTES for token in tokens):
                raise PasserelleError("closer_answer_invalid", "a token of another length, or twice")

    @property
    def tokens(self) -> int:
        """How many it holds."""
        return sum(map(len, self.fields.values()))


def check_question(question: Question) -> Question:
    """The question, if its lengths hold.

    Raises:
        PasserelleError: `closer_question_invalid`.
    """
    if (len(question.nonce), len(question.record_id)) != (NONCE_BYTES, ID_BYTES) or question.revision < 1:
        raise PasserelleError("closer_question_invalid", "a part of another length")
    return question


def piece_value(nonce: bytes, field: str, piece: str) -> bytes:
    """The value of a piece's input: no other pair and no other field has the same."""
    return canonical.encode("passerelle/piece/1", nonce, field, piece)
