"""What the operators of the trustees agree on before a ceremony: one file, the same for all of them.

    ceremony = "9f86d081884c7d659a2feaa0c55ad015"     # 16 random bytes, used once
    kind = "generate"                                 # or "reshare": present keys, dealt anew
    threshold = 2
    generation = 1
    [[keys]]
    domain = "ter"
    epoch = 1
    groups = ["phone", "email"]                       # all groups where left out
    [[trustees]]                                      # who holds shares afterwards, in the order of indices
    agency = "trustee-1"
    address = "trustee-1.example:7543"
    [[dealers]]                                       # reshare only: the quorum that deals, by present index
    index = 1
    agency = "trustee-1"
    address = "trustee-1.example:7543"
    [reshare]
    keys = "group-keys.json"                          # the agreed document of the present generation

Everything but addresses is bound into each message of the ceremony: trustees with different files never
come to a result.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from passerelle import canonical
from passerelle.agreed_keys import AgreedKeys
from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.identity import check_agency
from passerelle.oprf.ceremony import KeyName, Plan
from passerelle.oprf.keys import GroupKeyInfo

Number = Annotated[int, Field(ge=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Keys(_Part):
    domain: str
    epoch: Number
    groups: tuple[Group, ...] = tuple(Group)


class _Trustee(_Part):
    agency: str
    address: str


class _Dealer(_Trustee):
    index: Number


class _Reshare(_Part):
    keys: Path


class _File(_Part):
    ceremony: str
    kind: Literal["generate", "reshare"]
    threshold: Number
    generation: Number = 1
    keys: tuple[_Keys, ...]
    trustees: tuple[_Trustee, ...]
    dealers: tuple[_Dealer, ...] = ()
    reshare: _Reshare | None = None


@dataclass(frozen=True, slots=True)
class Party:
    """One trustee of a ceremony. `deals_as` and `receives_as` are indices, 0 where it does not."""

    agency: str
    address: str
    deals_as: int
    receives_as: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """A plan and who carries it out."""

    plan: Plan
    parties: tuple[Party, ...]

    def party(self, agency: str) -> Party:
        """One party.

        Raises:
            PasserelleError: `ceremony_plan_invalid`.
        """
        for party in self.parties:
            if party.agency == agency:
                return party
        raise PasserelleError("ceremony_plan_invalid", f"{agency} has no part in it")

    def dealers(self) -> tuple[Party, ...]:
        """Those who deal."""
        return tuple(party for party in self.parties if party.deals_as)

    def receivers(self) -> tuple[Party, ...]:
        """Those who hold shares afterwards."""
        return tuple(party for party in self.parties if party.receives_as)

    def digest(self) -> bytes:
        """32 bytes that every message of the ceremony names."""
        parties = tuple((party.agency, party.deals_as, party.receives_as) for party in self.parties)
        return canonical.digest("passerelle/ceremony/agreement/1", self.plan.digest(), parties)


def read_agreement(text: str, folder: Path) -> Agreement:
    """The agreement that a file states; paths inside are relative to `folder`.

    Raises:
        PasserelleError: `ceremony_plan_invalid`, `group_key_invalid`, `identity_malformed`.
    """
    try:
        found = _File.model_validate(tomllib.loads(text))
        ceremony = bytes.fromhex(found.ceremony)
    except (tomllib.TOMLDecodeError, ValidationError, ValueError) as error:
        raise PasserelleError("ceremony_plan_invalid", _names(error)) from None
    old = _present(found, folder)
    names = sorted({KeyName(part.domain, group, part.epoch) for part in found.keys for group in part.groups})
    parties = _parties(found)
    plan = Plan(
        ceremony=ceremony,
        keys=tuple(names),
        generation=found.generation,
        threshold=found.threshold,
        receivers=len(found.trustees),
        dealers=tuple(sorted(party.deals_as for party in parties if party.deals_as)),
        old=tuple(_old(name, old) for name in names) if found.kind == "reshare" else (),
    )
    return Agreement(plan, parties)


def _present(found: _File, folder: Path) -> Sequence[GroupKeyInfo]:
    """The public side of the keys to be dealt anew; each trustee checks it against its own shares."""
    if (found.kind == "reshare") != (found.reshare is not None and bool(found.dealers)):
        raise PasserelleError("ceremony_plan_invalid", "dealers and [reshare] belong to a reshare")
    if found.reshare is None:
        return ()
    try:
        document = (folder / found.reshare.keys).read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise PasserelleError("ceremony_plan_invalid", f"reshare.keys: {type(error).__name__}") from error
    return AgreedKeys.from_json(document).keys.keys


def _old(name: KeyName, present: Sequence[GroupKeyInfo]) -> GroupKeyInfo:
    for info in present:
        if KeyName(info.domain, info.group, info.epoch) == name:
            return info
    raise PasserelleError("ceremony_plan_invalid", f"no present key {name.domain}/{name.group}")


def _parties(found: _File) -> tuple[Party, ...]:
    receivers = {one.agency: at for at, one in enumerate(found.trustees, start=1)}
    dealers = {one.agency: one.index for one in found.dealers} or receivers
    addresses = {one.agency: one.address for one in (*found.dealers, *found.trustees)}
    counted = (len(found.trustees), len(found.dealers) or len(found.trustees))
    if (len(receivers), len(dealers)) != counted or len(set(dealers.values())) != len(dealers):
        raise PasserelleError("ceremony_plan_invalid", "a trustee or an index stands twice")
    for agency in addresses:
        check_agency(agency)
    return tuple(
        Party(agency, addresses[agency], dealers.get(agency, 0), receivers.get(agency, 0))
        for agency in sorted(addresses)
    )


def _names(error: Exception) -> str:
    """Which settings are wrong, never what they say."""
    if isinstance(error, ValidationError):
        places: list[Any] = [item["loc"] for item in error.errors()]
        return ", ".join(sorted({".".join(map(str, place)) for place in places}))
    return type(error).__name__
