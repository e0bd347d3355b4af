"""Judgements: a named person of an agency that was told of a link says what it is."""
