"""A value that too many records carry links nobody and is told to its holders, never of embargoed ones."""

from __future__ import annotations

from dataclasses import replace

from hub_kit import HubKit
from parties import MARKING

from passerelle.catalogue import catalogue
from passerelle.codec.holdings import decode_digest
from passerelle.holdings import DIGEST_TYPE, Comparison, TooCommon, summarise
from passerelle.sign import verify
from passerelle_hub.match.pairs import FREQUENCY_CAP
from passerelle_hub.store import common, holdings, links, marks

PHONE = {"phone": "+3221234567"}
KIND = catalogue().named("phone").id


def carry(hub: HubKit, name: str, count: int, *, embargo: str = "") -> list[bytes]:
    """An agency submits some records with the one phone; their ids."""
    agency = hub.agency(name)
    marking = replace(MARKING, embargo_basis=embargo)
    found = [agency.record(PHONE | {"e-mail": f"{name}{at}"}, marking=marking) for at in range(count)]
    hub.submit(agency, *found)
    hub.beat()
    with hub.core.database.read() as tx:
        return [record_id for record_id, _ in holdings.active(tx, name)]


def told(hub: HubKit, name: str) -> tuple[TooCommon, ...]:
    """What the signed answer to a comparison says is too common."""
    peer = hub.agency(name).identity
    answer = hub.core.holdings.answer(peer, Comparison(bytes(16), 1, summarise(())))
    return decode_digest(verify(answer.signed, hub.core.foundation.signing_key.public, DIGEST_TYPE)).common


def test_up_to_the_cap_nothing_is_held_back(hub: HubKit) -> None:
    carry(hub, "police", FREQUENCY_CAP - 1)
    carry(hub, "intelligence", 1)
    assert told(hub, "police") == told(hub, "intelligence") == ()


def test_beyond_it_each_agency_hears_of_its_own_records_and_nobody_is_linked(hub: HubKit) -> None:
    police = carry(hub, "police", FREQUENCY_CAP)
    with hub.core.database.read() as tx:
        before = links.counts(tx)
    (one,) = carry(hub, "intelligence", 1)
    assert told(hub, "intelligence") == (TooCommon(one, KIND),)
    assert told(hub, "police") == tuple(TooCommon(record_id, KIND) for record_id in police)
    assert told(hub, "customs") == ()
    with hub.core.database.read() as tx:
        assert links.counts(tx) == before


def test_of_a_mark_that_very_many_carry_each_still_hears(hub: HubKit) -> None:
    police = carry(hub, "police", 3 * FREQUENCY_CAP)
    (one,) = carry(hub, "intelligence", 1)
    assert told(hub, "intelligence") == (TooCommon(one, KIND),)
    assert len(told(hub, "police")) == len(police)


def test_embargoed_records_make_nothing_common(hub: HubKit) -> None:
    carry(hub, "police", FREQUENCY_CAP)
    carry(hub, "intelligence", 5, embargo="art-12")
    assert told(hub, "police") == ()


def test_what_became_rare_again_is_told_no_more(hub: HubKit) -> None:
    carry(hub, "police", FREQUENCY_CAP)
    carry(hub, "intelligence", 1)
    assert told(hub, "intelligence")
    with hub.core.database.write() as tx:
        key = tx.exec_driver_sql("SELECT max(record_pk) FROM record").scalar_one()
        held = [(mark, key) for mark in marks.shared(tx, [2])]
        marks.remove(tx, held)
        assert common.of_agency(tx, "police", FREQUENCY_CAP, 10) == ()
    assert told(hub, "police") == ()


def test_a_long_list_is_cut(hub: HubKit) -> None:
    carry(hub, "police", FREQUENCY_CAP)
    carry(hub, "intelligence", 1)
    with hub.core.database.read() as tx:
        assert len(common.of_agency(tx, "police", FREQUENCY_CAP, 7)) == 7
