"""Identifier groups and entity kinds: the two vocabularies every side shares.

A group has a tokenisation key of its own per domain and epoch, so that an evaluation budget
bites where guessing is cheap (a national number) without starving where it is not.
"""

from __future__ import annotations

from enum import StrEnum


class Group(StrEnum):
    """What kind of identifier a token stands for; one OPRF key each."""

    NATIONAL_NUMBER = "national_number"
    DOCUMENT = "document"
    PHONE = "phone"
    EMAIL = "email"
    ACCOUNT = "account"
    VEHICLE = "vehicle"
    DEVICE = "device"
    WALLET = "wallet"
    HANDLE = "handle"
    IP_ADDRESS = "ip_address"
    ORGANISATION_NUMBER = "organisation_number"
    ORGANISATION_NAME = "organisation_name"
    PERSON = "person"
    POSTAL_ADDRESS = "postal_address"
    PIECE = "piece"  # of a field, for a closer look at one pair; never the token of a record


class EntityKind(StrEnum):
    """What a record is about."""

    PERSON = "person"
    ORGANISATION = "organisation"
    MEANS = "means"
