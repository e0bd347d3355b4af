"""What the hub lost, kept or let expire without the connector knowing is found, and put right."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from dataclasses import replace

import pytest
from hub_kit import FakeAgency
from mapping_kit import NAMES, mapping
from parties import MARKING
from patience import PATIENCE
from simulator import Federation, Member

from passerelle.clock import DAY
from passerelle.codec.holdings import decode_digest, encode_digest
from passerelle.errors import PasserelleError
from passerelle.holdings import DIGEST_TYPE, LIST_TYPE, Comparison, HoldingState, Selection
from passerelle.keyfile import KeyKind, read_key
from passerelle.marking import TerCategory
from passerelle.sign import Signed, SigningKey, sign
from passerelle_connector.reconcile import Reconciled
from passerelle_connector.status import read_status, too_common
from passerelle_hub.store import batches, holdings, log_store, records

CONFIG = mapping(NAMES)
HEAD = "id,name,first,born\n"
ANNA, BRUNO, CARLA = "1,Peeters,Anna,1980-02-03", "2,Maes,Bruno,1975-05-06", "3,Claes,Carla,1990-07-08"
AGREED = Reconciled(compared=True)


def join(simulated: Federation, *rows: str) -> Member:
    return simulated.join("police", CONFIG, {"rows.csv": table(*rows)})


def table(*rows: str) -> bytes:
    return (HEAD + "\n".join(rows) + "\n").encode()


def held(simulated: Federation) -> dict[bytes, int]:
    with simulated.kit.core.database.read() as tx:
        return dict(holdings.active(tx, "police"))


def lose(simulated: Federation, record_id: bytes) -> None:
    """By hand, past the hub: nothing but the row of the record."""
    with sqlite3.connect(simulated.folder / "hub.db") as plain:
        assert plain.execute("DELETE FROM record WHERE record_id = ?", (record_id,)).rowcount == 1
    plain.close()


def record_of(member: Member, reference: str) -> bytes:
    return member.stores.rows.known([reference])[reference].record_id


def events(simulated: Federation) -> dict[str, int]:
    with simulated.kit.core.database.read() as tx:
        return log_store.counts(tx)


async def heal(member: Member) -> None:
    """What the loops of a running connector do next."""
    await member.submit()


async def test_two_that_agree_exchange_one_digest(simulated: Federation) -> None:
    police = join(simulated, ANNA, BRUNO)
    await police.submit()
    before = len(police.hub.wire)
    assert await police.connector.reconcile_once() == AGREED
    assert len(police.hub.wire) == before + 1
    assert "holdings.differ" not in events(simulated)
    assert events(simulated)["holdings.compared"] == 1


async def test_a_record_that_the_hub_lost_is_found_and_sent_again(simulated: Federation) -> None:
    police = join(simulated, ANNA, BRUNO, CARLA)
    await police.submit()
    intelligence = simulated.join("intelligence", CONFIG, {"rows.csv": table("X1,PEETERS,anna,1980-02-03")})
    lost = record_of(police, "1")
    lose(simulated, lost)
    asked = sum(trustee.asked for trustee in police.trustees.values())
    assert await police.connector.reconcile_once() == replace(AGREED, again=1)
    assert events(simulated)["holdings.differ"] == 1
    await heal(police)
    assert held(simulated)[lost] == 2
    assert len(held(simulated)) == 3
    assert sum(trustee.asked for trustee in police.trustees.values()) == asked  # known values cost nothing
    assert await police.connector.reconcile_once() == AGREED
    await intelligence.submit()
    simulated.beat()
    assert len(await police.read_inbox()) == 1  # and it is matched again


async def test_a_withdrawal_that_the_hub_forgot_is_repeated(simulated: Federation) -> None:
    police = join(simulated, ANNA, BRUNO)
    await police.submit()
    gone = record_of(police, "2")
    (simulated.folder / "police" / "data" / "rows.csv").write_bytes(table(ANNA))
    await police.submit()
    assert gone not in held(simulated)
    with sqlite3.connect(simulated.folder / "hub.db") as plain:
        plain.execute("UPDATE record SET state = 'active' WHERE record_id = ?", (gone,))
    plain.close()
    assert await police.connector.reconcile_once() == replace(AGREED, withdrawn=1)
    assert await police.connector.reconcile_once() == replace(AGREED)  # it waits in the outbox
    await heal(police)
    assert set(held(simulated)) == {record_of(police, "1")}
    assert await police.connector.reconcile_once() == AGREED


def strangers(simulated: Federation, member: Member, count: int) -> list[bytes]:
    """Records of the agency that another connector of it, since lost, had submitted."""
    agency = simulated.kit.core.registry.entry("police")
    fake = FakeAgency("police", simulated.kit.roots, simulated.kit.clock)
    folder = member.settings.path(member.settings.keys)
    fake.signing = SigningKey(read_key(next(folder.glob("signing*.key")), KeyKind.SIGNING))
    with simulated.kit.core.database.read() as tx:
        place = batches.position(tx, agency.agency)
    fake.sequence, fake.previous = place.next_sequence - 1, place.previous
    ids = [os.urandom(16) for _ in range(count)]
    words = {"surname+given+birth": "jansen jan 1980-02-03"}
    receipt = simulated.kit.submit(fake, *(fake.record(words, record_id=one) for one in ids))
    assert receipt.accepted
    with member.stores.database.write() as tx:
        tx.exec_driver_sql("DELETE FROM chain")
        tx.exec_driver_sql(
            "INSERT INTO chain (id, sequence, digest) VALUES (1, ?, ?)", (fake.sequence, fake.previous)
        )
    return ids


async def test_a_record_that_nobody_knows_is_withdrawn(simulated: Federation) -> None:
    police = join(simulated, ANNA)
    await police.submit()
    strangers(simulated, police, 3)
    assert await police.connector.reconcile_once() == replace(AGREED, withdrawn=3)
    await heal(police)
    assert set(held(simulated)) == {record_of(police, "1")}
    assert await police.connector.reconcile_once() == AGREED
    assert police.stores.rows.count()[1] == 0


async def test_many_unknown_records_wait_for_a_persons_word(simulated: Federation) -> None:
    police = join(simulated, ANNA)
    await police.submit()
    strangers(simulated, police, 20)
    assert await police.connector.reconcile_once() == replace(AGREED, unexplained=20)
    waits = police.stores.waits.all()
    assert [(wait.part, wait.code) for wait in waits] == [("holdings", "holdings_unexplained")]
    await heal(police)
    assert len(held(simulated)) == 21
    assert await police.connector.reconcile_once(confirmed=True) == replace(AGREED, withdrawn=20)
    await heal(police)
    assert len(held(simulated)) == 1
    assert police.stores.waits.all() == ()


async def test_what_expired_at_the_hub_is_not_sent_again(simulated: Federation) -> None:
    category = TerCategory.PRE_INVESTIGATION.value
    config = CONFIG.replace("[marking]", f'[marking]\nter_category = "{category}"')
    police = simulated.join("police", config, {"rows.csv": table(ANNA, BRUNO)})
    await police.submit()
    simulated.kit.clock.advance(200 * DAY)
    assert simulated.kit.core.retention.sweep() == 2
    assert await police.connector.reconcile_once() == replace(AGREED, expired=2)
    assert await police.connector.reconcile_once() == AGREED
    await heal(police)
    assert held(simulated) == {}


async def test_another_revision_at_the_hub_is_outdone(simulated: Federation) -> None:
    police = join(simulated, ANNA)
    await police.submit()
    anna = record_of(police, "1")
    with sqlite3.connect(simulated.folder / "hub.db") as plain:
        plain.execute("UPDATE record SET revision = 5 WHERE record_id = ?", (anna,))
    plain.close()
    assert await police.connector.reconcile_once() == replace(AGREED, again=1, taken=1)
    await heal(police)
    assert held(simulated) == {anna: 6}
    assert await police.connector.reconcile_once() == AGREED


async def test_a_store_that_forgot_its_receipts_takes_the_hubs_word(simulated: Federation) -> None:
    police = join(simulated, ANNA, BRUNO)
    await police.submit()
    with police.stores.database.write() as tx:
        tx.exec_driver_sql("DELETE FROM holdings")
    assert await police.connector.reconcile_once() == replace(AGREED, taken=2)
    assert await police.connector.reconcile_once() == AGREED
    await heal(police)
    assert set(held(simulated).values()) == {1}


async def test_a_refused_revision_leaves_the_earlier_one_held(simulated: Federation) -> None:
    police = join(simulated, ANNA)
    await police.submit()
    settings = police.settings.model_copy(
        update={"marking": {**police.settings.marking, "legal_basis": "no_such_basis"}}
    )
    police = simulated.open("police", settings)
    (simulated.folder / "police" / "data" / "rows.csv").write_bytes(table(ANNA.replace("Anna", "Hanna")))
    await police.submit()
    assert police.stores.rows.known(["1"])["1"].revision == 2
    assert set(held(simulated).values()) == {1}
    assert await police.connector.reconcile_once() == AGREED


async def test_while_a_batch_is_under_way_nothing_is_compared(simulated: Federation) -> None:
    police = join(simulated, ANNA)
    await police.submit()
    lose(simulated, record_of(police, "1"))
    with police.stores.database.write() as tx:
        tx.exec_driver_sql("UPDATE chain SET sequence = sequence - 1")
    assert await police.connector.reconcile_once() == Reconciled(compared=False)
    assert "holdings.differ" not in events(simulated)


async def test_a_list_longer_than_a_page_comes_in_pages(
    simulated: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("passerelle_hub.holdings.MAX_LISTED", 2)
    police = join(simulated, *(f"{at},Peeters,Anna,19{at}-02-03" for at in range(50, 90)))
    await police.submit()
    ids = sorted(held(simulated))
    for one in ids[1::3]:
        lose(simulated, one)
    done = await police.connector.reconcile_once()
    assert done == replace(AGREED, again=len(ids[1::3]))
    await heal(police)
    assert sorted(held(simulated)) == ids


async def test_a_running_connector_reconciles_once_it_is_connected(simulated: Federation) -> None:
    police = join(simulated, ANNA, BRUNO)
    await police.submit()
    lost = record_of(police, "2")
    lose(simulated, lost)
    running = asyncio.create_task(police.connector.run())
    try:
        async with asyncio.timeout(PATIENCE):
            while police.stores.rows.known(["2"])["2"].protocol:
                assert not running.done()
                await asyncio.sleep(0.05)
    finally:
        running.cancel()
        await asyncio.wait({running})
    await heal(police)
    assert held(simulated)[lost] == 2


class Forger:
    """A hub's answers, altered on the way."""

    def __init__(self, member: Member, alter: object) -> None:
        self._port = member.hub.reconcile
        self._alter = alter

    async def __call__(self, question: Comparison | Selection) -> Signed:
        signed = await self._port(question)
        assert callable(self._alter)
        altered: Signed = self._alter(signed)
        return altered


@pytest.mark.parametrize("kind", ["unsigned", "replayed", "of another", "of another type"])
async def test_an_answer_that_does_not_hold_changes_nothing(
    simulated: Federation, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    police = join(simulated, ANNA)
    await police.submit()
    key = simulated.kit.core.foundation.signing_key

    def alter(signed: Signed) -> Signed:
        said = decode_digest(signed.payload)
        return {
            "unsigned": lambda: replace(signed, payload=encode_digest(replace(said, agency="customs"))),
            "replayed": lambda: sign(key, DIGEST_TYPE, encode_digest(replace(said, nonce=bytes(16)))),
            "of another": lambda: sign(key, DIGEST_TYPE, encode_digest(replace(said, agency="customs"))),
            "of another type": lambda: sign(key, LIST_TYPE, signed.payload),
        }[kind]()

    monkeypatch.setattr(police.hub, "reconcile", Forger(police, alter))
    with pytest.raises(PasserelleError) as refused:
        await police.connector.reconcile_once()
    assert refused.value.code == "reconcile_answer_invalid"


def test_an_agency_is_told_of_its_own_records_alone(simulated: Federation) -> None:
    kit = simulated.kit
    police, customs = kit.agency("police"), kit.agency("intelligence")
    kit.submit(police, police.record({"surname+given+birth": "x"}, marking=MARKING))
    answer = kit.core.holdings.answer(customs.identity, Selection(bytes(16), bytes(range(256))))
    with kit.core.database.read() as tx:
        assert records.counts(tx) == {"police": 1}
        mine = holdings.listed(tx, "police", bytes(range(256)), b"", 10)
    assert [one.state for one in mine] == [HoldingState.ACTIVE]
    assert mine[0].record_id not in answer.signed.payload


async def test_a_value_that_is_too_common_is_shown_by_reference_and_kind(simulated: Federation) -> None:
    config = CONFIG.replace('born = "born"', 'born = "born"\nphone = "phone"')
    names = [f"{x}e{y}o" for x in "BDFGKLM" for y in "rnt"]
    rows = [f"{at},{name},Anna,{1950 + at}-02-{at + 1:02},+32 2 212 34 56" for at, name in enumerate(names)]
    data = ("id,name,first,born,phone\n" + "\n".join(rows) + "\n").encode()
    police = simulated.join("police", config, {"rows.csv": data})
    await police.submit()
    await police.connector.reconcile_once()
    assert read_status(police.stores)["too_common"] == {}
    intelligence = simulated.join(
        "intelligence", config, {"rows.csv": b"id,name,first,born,phone\nX,Maes,Bo,1990-02-03,022123456\n"}
    )
    await intelligence.submit()
    simulated.beat()
    await police.connector.reconcile_once()
    await intelligence.connector.reconcile_once()
    assert read_status(police.stores)["too_common"] == {"phone": 21}
    assert too_common(intelligence.stores) == [{"reference": "X", "kind": "phone"}]
