"""The document of all group keys of some trustees: what a connector pins and a trustee publishes.

It says by which ceremony the keys came to be, for whoever pins it: keys of a `development` ceremony were
dealt by one process that knew them all.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.oprf.documents import array, members, parse, text
from passerelle.oprf.keys import GroupKeyInfo

_FORMAT: Final = "passerelle/group-keys/1"


class Ceremony(StrEnum):
    """How keys were made."""

    DEVELOPMENT = "development"
    DISTRIBUTED = "distributed"


@dataclass(frozen=True, slots=True)
class GroupKeys:
    """Pinned keys; one for each domain, group and epoch.

    Raises:
        PasserelleError: `group_key_invalid`: two keys for one domain, group and epoch.
    """

    ceremony: Ceremony
    keys: tuple[GroupKeyInfo, ...]

    def __post_init__(self) -> None:
        if len({(key.domain, key.group, key.epoch) for key in self.keys}) != len(self.keys):
            raise PasserelleError("group_key_invalid", "two keys for one domain, group and epoch")

    def find(self, domain: str, group: Group, epoch: int) -> GroupKeyInfo:
        """The key to use.

        Raises:
            PasserelleError: `group_key_unknown`.
        """
        for key in self.keys:
            if (key.domain, key.group, key.epoch) == (domain, group, epoch):
                return key
        raise PasserelleError("group_key_unknown", f"{domain}/{group} epoch {epoch}")

    def to_json(self) -> str:
        """The document, one spelling for one content."""
        keys = [key.to_document() for key in self.keys]
        document = {"format": _FORMAT, "ceremony": str(self.ceremony), "keys": keys}
        return json.dumps(document, sort_keys=True, indent=1) + "\n"

    @classmethod
    def from_json(cls, document: str) -> GroupKeys:
        """The keys that a document describes.

        Raises:
            PasserelleError: `group_key_invalid`.
        """
        try:
            found = members(parse(document), ("format", "ceremony", "keys"), _FORMAT)
            keys = tuple(GroupKeyInfo.from_document(item) for item in array(found["keys"]))
            return cls(Ceremony(text(found["ceremony"])), keys)
        except ValueError as error:
            raise PasserelleError("group_key_invalid", str(error)) from error
