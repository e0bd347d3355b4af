"""The catalogue of match keys, `keys/1`: which kinds of token exist and what a shared one proves.

Rules
-----
1. Connector and hub read the same frozen table (`data/keys-1.toml`). The connector derives values from it,
   the hub learns from it what two equal tokens of a kind prove. Equality proves exactly `KeyKind.proves`,
   nothing else.
2. A kind id never changes its meaning and is never reused; another table gets another version string.
3. No kind is a single weak field, and none about a person is an address alone. A core kind about a person
   holds at least two components, one of them the birth date or the national number; two kinds without either
   exist for rare surnames only (`rare_names`). A kind of the address tier holds a name or the birth date, and
   with a single name two parts of the address. A kind of the edit tier shows always its full count.
4. Every kind's entropy is computed from its components and must reach the minimum of its tier. The unit is
   the collision entropy: minus the base-2 logarithm of the chance that two different persons agree.
5. Special categories of personal data are no component, so no key can hold one.

The table is checked against rules 3 and 4 whenever it is loaded; a table that breaks one is no catalogue.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final

from passerelle import release
from passerelle.errors import PasserelleError
from passerelle.groups import EntityKind, Group

KEYS_VERSION: Final = "keys/1"
_FILE: Final = "passerelle/data/keys-1.toml"
_MAX_ID: Final = 0xFFFF
_ANCHORS: Final = frozenset({"birth", "number"})
_NAMES: Final = frozenset({"surname", "given", "name_part"})
_ADDRESS: Final = frozenset({"street", "house_number", "postcode", "locality"})
_WEAK_FIELDS: Final = frozenset({"middle", "sex", "birth"}) | _NAMES | _ADDRESS


class Tier(StrEnum):
    """Which policy a kind needs.

    `core` and `strong` always; `address`, `edit` (one letter left out) and `names` (names alone) where a
    domain allows them.
    """

    CORE = "core"
    ADDRESS = "address"
    EDIT = "edit"
    NAMES = "names"
    STRONG = "strong"


@dataclass(frozen=True, slots=True, order=True)
class Proof:
    """One agreement that a shared token proves: `field` agrees at `level`."""

    field: str
    level: str

    @classmethod
    def parse(cls, text: str) -> Proof:
        """From `field.level`.

        Raises:
            PasserelleError: `catalogue_invalid`, no dot or an empty side.
        """
        field, dot, level = text.partition(".")
        if not (field and dot and level):
            raise PasserelleError("catalogue_invalid", "a component is not written field.level")
        return cls(field, level)


@dataclass(frozen=True, slots=True)
class KeyKind:
    """One kind of match key.

    `id` is an unsigned 16-bit number; `entropy_bits` the collision entropy in bits; `values` how many
    tokens an ordinary record has of this kind; `max_values` how many any record may have. `rare_names`
    means that the connector derives it only for surnames outside the shipped list of common ones.
    """

    id: int
    name: str
    group: Group
    tier: Tier
    entities: frozenset[EntityKind]
    proves: tuple[Proof, ...]
    entropy_bits: float
    values: int
    max_values: int
    rare_names: bool

    def padded(self, count: int) -> int:
        """How many tokens a record shows that has `count` of this kind (dummies make up the difference).

        An absent kind stays absent, because the hub must tell *absent* from *different*. A present one shows
        `values` doubled as often as needed, so that the hub learns the order of magnitude at most.
        """
        if count <= 0:
            return 0
        shown = self.values
        while shown < count:
            shown *= 2
        return min(shown, self.max_values)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A checked table of kinds, by id."""

    version: str
    kinds: Mapping[int, KeyKind]

    def kind(self, kind_id: int) -> KeyKind:
        """The kind with this id.

        Raises:
            PasserelleError: `key_kind_unknown`.
        """
        try:
            return self.kinds[kind_id]
        except KeyError:
            raise PasserelleError("key_kind_unknown", f"kind {kind_id}") from None

    def named(self, name: str) -> KeyKind:
        """The kind with this name.

        Raises:
            PasserelleError: `key_kind_unknown`.
        """
        for kind in self.kinds.values():
            if kind.name == name:
                return kind
        raise PasserelleError("key_kind_unknown", f"kind {name}")


@cache
def catalogue() -> Catalogue:
    """The catalogue shipped with this release, verified, read and checked once.

    Raises:
        PasserelleError: `table_unsigned`, `catalogue_invalid`.
    """
    return load(release.table(_FILE))


def load(text: str) -> Catalogue:
    """Read and check a catalogue.

    Raises:
        PasserelleError: `catalogue_invalid`; the detail names the kind and the rule it breaks.
    """
    table = tomllib.loads(text)
    if table.get("version") != KEYS_VERSION:
        raise PasserelleError("catalogue_invalid", "another version")
    bits: Mapping[str, float] = table["component"]
    minimum: Mapping[str, float] = table["minimum_bits"]
    kinds: dict[int, KeyKind] = {}
    for row in table["kind"]:
        kind = _kind(row, bits)
        if kind.id in kinds or any(kind.name == other.name for other in kinds.values()):
            raise PasserelleError("catalogue_invalid", f"kind {kind.id} stands twice")
        _check(kind, minimum[kind.tier])
        kinds[kind.id] = kind
    return Catalogue(KEYS_VERSION, kinds)


def _kind(row: Mapping[str, Any], bits: Mapping[str, float]) -> KeyKind:
    components: list[str] = row["proves"]
    rare = bool(row.get("rare_names", False))
    unknown = [name for name in components if name not in bits]
    if unknown:
        raise PasserelleError("catalogue_invalid", f"kind {row['id']}: no entropy stated for {unknown[0]}")
    return KeyKind(
        id=row["id"],
        name=row["name"],
        group=Group(row["group"]),
        tier=Tier(row["tier"]),
        entities=frozenset(EntityKind(name) for name in row["entities"]),
        proves=tuple(Proof.parse(name) for name in components),
        entropy_bits=round(sum(bits[name] for name in components) + (bits["rare_names"] if rare else 0.0), 1),
        values=row.get("values", 1),
        max_values=row["max_values"],
        rare_names=rare,
    )


def _check(kind: KeyKind, minimum: float) -> None:
    """Rules 3 and 4 of the module."""
    if not 0 < kind.id <= _MAX_ID or not 0 < kind.values <= kind.max_values:
        raise PasserelleError("catalogue_invalid", f"kind {kind.id}: number out of range")
    if kind.entropy_bits < minimum:
        raise PasserelleError("catalogue_invalid", f"kind {kind.id}: entropy below the minimum of its tier")
    fields = {proof.field for proof in kind.proves}
    if len(fields) == 1 and fields <= _WEAK_FIELDS:
        raise PasserelleError("catalogue_invalid", f"kind {kind.id}: a single weak field")
    if kind.entities == frozenset({EntityKind.PERSON}) and not _anchored(kind, fields):
        raise PasserelleError("catalogue_invalid", f"kind {kind.id}: too little that only one person has")
    if kind.tier is Tier.EDIT and kind.values != kind.max_values:
        raise PasserelleError("catalogue_invalid", f"kind {kind.id}: a count that tells the length of a name")


def _anchored(kind: KeyKind, fields: set[str]) -> bool:
    """Rule 3 for kinds about persons."""
    if kind.tier is Tier.NAMES or fields & _ANCHORS:
        return True
    if kind.tier is Tier.ADDRESS:
        names, parts = fields & _NAMES, fields & _ADDRESS
        return len(names) >= 2 or (bool(names) and len(parts) >= 2)
    return kind.rare_names
