"""When a connector goes over to a later token epoch."""

from __future__ import annotations

import pytest

from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.oprf.pinned import GroupKeys
from passerelle_connector.epochs import Turning, has_keys
from passerelle_connector.model import TokenProtocol
from passerelle_connector.ports import AcceptedDomain
from passerelle_trustee.ceremony import deal_for_development

OURS = TokenProtocol("norm/1", "keys/1", "ter", 1)


def keys(*epochs: int, groups: tuple[Group, ...] = (Group.PHONE, Group.EMAIL)) -> GroupKeys:
    return deal_for_development(["ter"], epochs, groups=groups).keys


def hub(*epochs: int, announced: tuple[int, ...] = ()) -> tuple[AcceptedDomain, ...]:
    return AcceptedDomain("ter", epochs, (), announced), AcceptedDomain("lists", (9,), ())


def turned(pinned: GroupKeys, said: tuple[AcceptedDomain, ...]) -> int:
    turning = Turning(OURS, lambda: pinned)
    try:
        turning.check(said)
    except PasserelleError as error:
        assert (error.code, error.detail) == ("epoch_turned", str(turning.epoch))
    return turning.epoch


def test_it_goes_over_to_the_newest_that_the_hub_takes_and_it_has_keys_for() -> None:
    assert turned(keys(1, 2, 3), hub(1, 2)) == 2
    assert turned(keys(1, 2, 3), hub(1, 2, 3)) == 3
    assert turned(keys(1, 2), hub(1, 2, 3)) == 2
    assert turned(keys(1, 2), hub(2)) == 2
    assert turned(keys(1, 2), hub(1, announced=(2,))) == 0
    assert turned(keys(1), hub(1, 2)) == 0
    assert turned(keys(1, 2), hub(1)) == 0


def test_a_key_of_each_group_is_needed() -> None:
    both, one = keys(1), keys(2, groups=(Group.PHONE,))
    mixed = GroupKeys(both.ceremony, (*both.keys, *one.keys))
    assert not has_keys(mixed, "ter", 2, 1)
    assert has_keys(mixed, "ter", 1, 2)
    assert not has_keys(one, "ter", 3, 4)


def test_keys_that_cannot_be_read_change_nothing() -> None:
    def spoilt() -> GroupKeys:
        raise PasserelleError("group_keys_unconfirmed", "made to fail by a test")

    turning = Turning(OURS, spoilt)
    turning.check(hub(1, 2))
    assert turning.epoch == 0
    with pytest.raises(PasserelleError):
        Turning(OURS, lambda: keys(1, 2)).check(hub(1, 2))
