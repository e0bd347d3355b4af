"""Why two records were linked, in words: proven kinds of agreement and factors, never a value."""

from passerelle_connector.explain.link import Explanation, Line, explain, said_of
from passerelle_connector.explain.words import LANGUAGES, Words, words

__all__ = ["LANGUAGES", "Explanation", "Line", "Words", "explain", "said_of", "words"]
