"""Markings that all give a policy tuple of their own and that the reference policy allows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

from parties import MARKING

from passerelle.marking import AgeBand, Classification, Marking, TerCategory

_PURPOSES = (
    ("counter_terrorism",),
    ("counter_terrorism", "counter_extremism"),
    ("counter_terrorism", "threat_assessment"),
    ("counter_terrorism", "counter_extremism", "threat_assessment"),
)
_CLASSIFICATIONS = (Classification.UNCLASSIFIED, Classification.RESTRICTED, Classification.CONFIDENTIAL)
_AGES = (AgeBand.ADULT, AgeBand.MINOR, AgeBand.UNKNOWN)
_BASES = ("be_ter_2024", "be_ocam_2006")


def distinct_markings() -> Iterator[Marking]:
    """504 markings in a fixed order; all share a purpose, so that records under any two may be linked."""
    choices = itertools.product(TerCategory, _PURPOSES, _CLASSIFICATIONS, _AGES, _BASES)
    for category, purposes, classification, age, basis in choices:
        yield replace(
            MARKING,
            ter_category=category,
            purposes=purposes,
            classification=classification,
            age_band=age,
            legal_basis=basis,
        )
