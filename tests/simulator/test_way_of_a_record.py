"""The whole way in one process: rows in, notifications out, and everything that may go wrong between."""

from __future__ import annotations

import pytest
from mapping_kit import NAMES, mapping
from simulator import Federation, Member

from passerelle.errors import PasserelleError
from passerelle_hub.store import links, marks, records

CONFIG = mapping(NAMES | {"national_number": "nrn", "phone": "phone"})
HEAD = "id,name,first,born,nrn,phone\n"


def join(simulated: Federation, agency: str, *rows: str) -> Member:
    return simulated.join(agency, CONFIG, {"rows.csv": (HEAD + "\n".join(rows) + "\n").encode()})


ANNA = "1,Peeters,Anna,1980-02-03,,"
ANNA_AGAIN = "X9,PEETERS,anna,1980-02-03,,"
BRUNO = "2,Maes,Bruno,1975-05-06,,0470123456"


def counts(simulated: Federation) -> tuple[dict[str, int], int]:
    with simulated.kit.core.database.read() as tx:
        return records.counts(tx), marks.count(tx)


async def test_two_agencies_learn_of_each_other_and_of_their_own_record_only(simulated: Federation) -> None:
    police = join(simulated, "police", ANNA, BRUNO)
    intelligence = join(simulated, "intelligence", ANNA_AGAIN)
    await police.submit()
    await intelligence.submit()
    simulated.beat()
    (told,) = await police.read_inbox()
    (heard,) = await intelligence.read_inbox()
    assert told.link_id == heard.link_id
    known = police.stores.rows.by_record(list(told.own_records))
    assert [row.reference for row in known.values()] == ["1"]
    assert police.stores.rows.by_record(list(heard.own_records)) == {}


async def test_an_unchanged_source_sends_nothing_again(simulated: Federation) -> None:
    police = join(simulated, "police", ANNA, BRUNO)
    await police.submit()
    before = counts(simulated)
    asked = sum(trustee.asked for trustee in police.trustees.values())
    await police.submit()
    assert counts(simulated) == before
    assert sum(trustee.asked for trustee in police.trustees.values()) == asked


async def test_a_changed_row_becomes_a_revision_and_the_link_follows(simulated: Federation) -> None:
    police = join(simulated, "police", ANNA)
    intelligence = join(simulated, "intelligence", ANNA_AGAIN)
    await police.submit()
    await intelligence.submit()
    simulated.beat()
    changed = HEAD + "1,Vandamme,Griet,1951-11-12,,\n"
    (simulated.folder / "police" / "data" / "rows.csv").write_text(changed, "utf-8")
    await police.submit()
    simulated.beat()
    with simulated.kit.core.database.read() as tx:
        assert links.counts(tx) == {"erased": 1}
        assert records.counts(tx) == {"police": 1, "intelligence": 1}


async def test_bad_rows_are_set_aside_by_reference_and_the_rest_goes_on(simulated: Federation) -> None:
    police = join(
        simulated,
        "police",
        "1,Peeters,Anna,1980-02-03,,",
        "2,,,,,",
        "3,Maes,Bruno,1975-13-45,,",
        "4,Claes,Els,1980-01-01,12345678901,",
    )
    await police.submit()
    rejects = {(item.reference, item.code) for item in police.stores.rows.rejects() if item.fatal}
    assert ("2", "row_no_identifier") in rejects
    assert {reference for reference, _ in rejects} >= {"2"}
    assert counts(simulated)[0]["police"] >= 1
    codes = {item.code for item in police.stores.rows.rejects()}
    assert "row_check_digit_wrong" in codes


async def test_with_one_trustee_down_the_other_two_answer(simulated: Federation) -> None:
    police = join(simulated, "police", ANNA)
    police.trustees[1].up = False
    await police.submit()
    assert counts(simulated)[0] == {"police": 1}


async def test_every_quorum_gives_the_same_tokens(simulated: Federation) -> None:
    police = join(simulated, "police", ANNA)
    intelligence = join(simulated, "intelligence", ANNA_AGAIN)
    police.trustees[1].up = False
    intelligence.trustees[3].up = False
    await police.submit()
    await intelligence.submit()
    simulated.beat()
    assert len(await police.read_inbox()) == 1


async def test_with_two_trustees_down_the_connector_keeps_its_rows(simulated: Federation) -> None:
    police = join(simulated, "police", ANNA)
    police.trustees[1].up = police.trustees[2].up = False
    with pytest.raises(PasserelleError) as refused:
        await police.submit()
    assert refused.value.code == "trustees_unavailable"
    assert counts(simulated) == ({}, 0)
    police.trustees[1].up = True
    await police.submit()
    assert counts(simulated)[0] == {"police": 1}


async def test_with_the_hub_down_records_wait_in_the_outbox(simulated: Federation) -> None:
    police = join(simulated, "police", ANNA, BRUNO)
    police.hub.up = False
    with pytest.raises(PasserelleError):
        await police.submit()
    police.hub.up = True
    again = simulated.open("police", police.settings)
    await again.submit()
    assert counts(simulated)[0] == {"police": 2}


async def test_a_child_under_twelve_is_refused_before_it_leaves(simulated: Federation) -> None:
    police = join(simulated, "police", "1,Peeters,Anna,2020-02-03,,", BRUNO)
    await police.submit()
    assert [item.code for item in police.stores.rows.rejects() if item.fatal] == ["row_subject_under_12"]
    assert counts(simulated)[0] == {"police": 1}


async def test_a_vanished_row_is_withdrawn_and_its_link_dissolves(simulated: Federation) -> None:
    police = join(simulated, "police", ANNA, BRUNO)
    intelligence = join(simulated, "intelligence", ANNA_AGAIN)
    await police.submit()
    await intelligence.submit()
    simulated.beat()
    rows = simulated.folder / "police" / "data" / "rows.csv"
    whole = rows.read_bytes()
    rows.write_text(f"{HEAD}{BRUNO}\n", "utf-8")
    await police.submit()
    simulated.beat()
    with simulated.kit.core.database.read() as tx:
        assert links.counts(tx) == {"erased": 1}
        assert records.counts(tx) == {"police": 1, "intelligence": 1}
    rows.write_bytes(whole)
    await police.submit()
    simulated.beat()
    with simulated.kit.core.database.read() as tx:
        assert links.counts(tx) == {"notified": 1}
        assert records.counts(tx) == {"police": 2, "intelligence": 1}


async def test_a_known_person_who_turns_out_a_child_is_withdrawn(simulated: Federation) -> None:
    police = join(simulated, "police", ANNA, BRUNO)
    await police.submit()
    child = ANNA.replace("1980", "2020")
    (simulated.folder / "police" / "data" / "rows.csv").write_text(f"{HEAD}{child}\n{BRUNO}\n", "utf-8")
    await police.submit()
    assert counts(simulated)[0] == {"police": 1}
    assert [item.code for item in police.stores.rows.rejects() if item.fatal] == ["row_subject_under_12"]
