"""Dates of birth with their precision.

Accepted: ISO 8601 `YYYY-MM-DD`, `YYYY-MM`, `YYYY` and the basic `YYYYMMDD`, each with an optional time of
day that is cut off; 00 for a month or day that is not known; `datetime.date`. Every other order
(31/12/1980) is the mapping's business: guessing between day and month would make two connectors disagree.
"""

from __future__ import annotations

import calendar
import datetime
import re
from typing import Final

from passerelle_connector.normalise.subject import PartialDate
from passerelle_connector.normalise.tables import words

EARLIEST: Final = 1880
LATEST: Final = 2100
_ISO: Final = re.compile(r"^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?(?:[T ]\d{2}:.*)?$")
_BASIC: Final = re.compile(r"^(\d{4})(\d{2})(\d{2})$")


class Placeholder(Exception):
    """The text stands for "no value"."""


def partial_date(value: object) -> PartialDate:
    """Read one date.

    Raises:
        Placeholder: a date that agencies write where they have none (1900-01-01 ...).
        ValueError: no date, or one that never was. The message holds nothing of the value.
    """
    text = value.isoformat() if isinstance(value, datetime.date) else str(value).strip()
    if text[:10] in words().placeholder_dates or not text.strip("0-/. "):
        raise Placeholder
    found = _ISO.match(text) or _BASIC.match(text)
    if found is None:
        raise ValueError("not an ISO date")
    year, month, day = (int(part or 0) for part in found.groups())
    if not EARLIEST <= year < LATEST:
        raise ValueError("year out of range")
    if month > 12:
        raise ValueError("no such month")
    if month == 0:
        return PartialDate(year)
    if day > calendar.monthrange(year, month)[1]:
        raise ValueError("no such day")
    return PartialDate(year, month, day)
