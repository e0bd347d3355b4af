"""Receipts and notifications are promises: connectors fetch the proofs, cosign, and notice a broken one."""

from __future__ import annotations

import pytest
from simulator import Federation, Member

from passerelle.clock import SECOND
from passerelle.codec.signed import decode_signed
from passerelle.codec.statement import decode_receipt
from passerelle.errors import PasserelleError
from passerelle_connector.log_watch import LogWatch
from passerelle_connector.store.promises import NOTIFICATION, Promise
from passerelle_hub.store import cosignatures

CONFIG = """
[source]
kind = "folder"
path = "data"
reference = "id"

[map]
family_name = "name"
given_name = "first"
born = "born"
national_number = "nrn"
phone = "phone"

[marking]
classification = "restricted"
handling = "H0"
tlp = "amber"
purposes = "counter_terrorism"
legal_basis = "be_ter_2024"
case_reference = "c1"
"""
HEAD = "id,name,first,born,nrn,phone\n"


def join(simulated: Federation, agency: str, *rows: str) -> Member:
    return simulated.join(agency, CONFIG, {"rows.csv": (HEAD + "\n".join(rows) + "\n").encode()})


ANNA = "1,Peeters,Anna,1980-02-03,,"
ANNA_AGAIN = "X9,PEETERS,anna,1980-02-03,,"
BRUNO = "2,Maes,Bruno,1975-05-06,,0470123456"


def watch(member: Member) -> LogWatch:
    assert member.connector.log_watch is not None
    return member.connector.log_watch


def signed(simulated: Federation) -> None:
    simulated.beat()
    core = simulated.kit.core
    with core.database.write() as tx:
        core.transparency.checkpoint(tx)


async def linked(simulated: Federation) -> tuple[Member, Member]:
    police = join(simulated, "police", ANNA, BRUNO)
    intelligence = join(simulated, "intelligence", ANNA_AGAIN)
    await police.submit()
    await intelligence.submit()
    signed(simulated)
    await police.read_inbox()
    await intelligence.read_inbox()
    return police, intelligence


async def test_what_was_promised_is_proven_and_the_log_is_cosigned(simulated: Federation) -> None:
    police, intelligence = await linked(simulated)
    assert await watch(police).round() == 2  # the receipt's event and the notification
    assert await watch(police).round() == 0
    assert await watch(intelligence).round() == 2
    assert police.stores.promises.count() == 0
    with simulated.kit.core.database.read() as tx:
        size, _ = cosignatures.newest(tx, 2)
    assert size > 0


async def test_before_the_checkpoint_there_is_patience(simulated: Federation) -> None:
    police = join(simulated, "police", ANNA)
    signed(simulated)
    await police.submit()
    assert await watch(police).round() == 0
    assert police.stores.promises.count() == 1
    signed(simulated)
    assert await watch(police).round() == 1


async def test_a_hidden_receipt_is_a_broken_promise_with_the_signed_word(simulated: Federation) -> None:
    police, _ = await linked(simulated)
    owed = police.stores.promises
    await police.connector.read_once()
    (_, receipt), *_ = owed.receipts(9)
    event = decode_receipt(receipt.payload).audit_event
    police.log.hidden.add(event)
    assert await watch(police).round() == 1  # the notification; the receipt is not due yet
    simulated.kit.clock.advance(60 * SECOND)
    signed(simulated)
    with pytest.raises(PasserelleError) as caught:
        await watch(police).round()
    assert caught.value.code == "promise_broken"
    (alarm,) = (police.settings.path("log") / "evidence").iterdir()
    assert decode_signed((alarm / "promise").read_bytes()) == receipt
    assert (alarm / "name").read_text() == event.hex()
    assert await watch(police).round() == 0  # the others do not wait for it


async def test_another_notification_than_the_logged_one_is_an_alarm(simulated: Federation) -> None:
    police, _ = await linked(simulated)
    await watch(police).round()
    now = simulated.kit.clock.now()
    police.stores.promises.owe([Promise("notification/police/1", NOTIFICATION, now, b"d" * 32, b"")])
    with pytest.raises(PasserelleError) as caught:
        await watch(police).round()
    assert caught.value.code == "promise_broken"
    assert "another notification" in caught.value.detail
