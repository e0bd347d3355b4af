"""A new token epoch from its announcement to the end of the old one, on the moved clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hub_kit import hub_kit
from mapping_kit import NAMES, mapping
from simulator import Federation, Member, federation

from passerelle.clock import DAY
from passerelle.errors import PasserelleError
from passerelle.judgement import Reason, Verdict
from passerelle.oprf.pinned import GroupKeys
from passerelle_connector.judge import Finding
from passerelle_hub.epochs import TokenEpochs
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.store import Transaction, links
from passerelle_hub.store.links import StoredLink

CONFIG = mapping(NAMES)
HEAD = "id,name,first,born\n"
ANNA, BRUNO, CLARA = "Peeters,Anna,1980-02-03", "Maes,Bruno,1975-05-06", "Claes,Clara,1991-07-08"


@pytest.fixture
async def turning(tmp_path: Path, engine: EmbeddedEngine, bundle: Bundle) -> AsyncIterator[Federation]:
    """A federation whose trustees hold the keys of two epochs, of which connectors have pinned one."""
    with hub_kit(tmp_path, engine, bundle) as kit:
        async with federation(kit, tmp_path, epochs=(1, 2)) as made:
            first = tuple(key for key in made.keys.keys if key.epoch == 1)
            made.pinned = GroupKeys(made.keys.ceremony, first)
            yield made


def write(simulated: Federation, agency: str, *people: str) -> None:
    text = HEAD + "".join(f"{at},{person}\n" for at, person in enumerate(people))
    (simulated.folder / agency / "data" / "rows.csv").write_text(text)


def join(simulated: Federation, agency: str, *people: str) -> Member:
    text = HEAD + "".join(f"{at},{person}\n" for at, person in enumerate(people))
    return simulated.join(agency, CONFIG, {"rows.csv": text.encode()})


def day(simulated: Federation) -> None:
    simulated.kit.clock.advance(DAY)
    simulated.beat()


def decide(simulated: Federation, decision: Callable[[TokenEpochs, Transaction], None]) -> None:
    core = simulated.kit.core
    with core.database.write() as tx:
        decision(core.epochs, tx)


def held(simulated: Federation) -> dict[tuple[int, str], dict[str, int]]:
    core = simulated.kit.core
    with core.database.read() as tx:
        return {
            (one.epoch, one.state.value): one.held for one in core.epochs.lines(tx) if one.domain == "ter"
        }


def known(simulated: Federation) -> list[StoredLink]:
    with simulated.kit.core.database.read() as tx:
        return list(links.of_records(tx, range(1, 1_000)).values())


async def submitted(simulated: Federation, member: Member, agency: str) -> Member:
    """Submit, wired anew where a later epoch is due, as a connector that runs does."""
    try:
        await member.submit()
    except PasserelleError as error:
        assert error.code == "epoch_turned"
        epoch = int(error.detail)
        member = simulated.open(agency, member.settings.model_copy(update={"epoch": epoch}))
        await member.submit()
    return member


async def test_an_epoch_from_its_announcement_to_the_end_of_the_old_one(turning: Federation) -> None:
    police, customs = join(turning, "police", ANNA, BRUNO), join(turning, "customs", ANNA)
    await police.submit()
    await customs.submit()
    day(turning)
    (before,) = known(turning)
    assert before.state == "notified"
    await confirmed(police, before)
    told = len(await police.read_inbox()), len(await customs.read_inbox())

    decide(turning, lambda epochs, tx: epochs.announce(tx, "ter", 2, "ada"))
    day(turning)
    assert held(turning) == {(1, "open"): {"police": 2, "customs": 1}, (2, "announced"): {}}
    await police.submit()  # nothing changes yet
    decide(turning, lambda epochs, tx: epochs.open(tx, "ter", 2, "ada"))
    await police.submit()  # without the keys of the new epoch neither
    assert held(turning)[1, "open"] == {"police": 2, "customs": 1}

    turning.pinned = turning.keys
    police = await submitted(turning, police, "police")
    write(turning, "police", ANNA, BRUNO, CLARA)
    write(turning, "customs", ANNA, CLARA)
    await police.submit()
    customs.hub.up = False  # a partner that is away for a month
    for _ in range(30):
        day(turning)
    assert held(turning) == {(1, "open"): {"customs": 1}, (2, "open"): {"police": 3}}
    (between,) = known(turning)
    assert (between.link_id, between.state) == (before.link_id, "confirmed")
    with pytest.raises(PasserelleError) as caught:
        decide(turning, lambda epochs, tx: epochs.close(tx, "ter", 1, "ada"))
    assert caught.value.code == "epoch_refused" and "customs" in caught.value.detail

    customs.hub.up = True
    customs = await submitted(turning, customs, "customs")
    day(turning)
    after = {one.link_id: one.state for one in known(turning)}
    assert after.pop(before.link_id) == "confirmed"  # judged by people, and still is
    assert list(after.values()) == ["notified"]  # what could not be compared before
    assert (len(await police.read_inbox()), len(await customs.read_inbox())) == (told[0] + 1, told[1] + 1)

    decide(turning, lambda epochs, tx: epochs.close(tx, "ter", 1, "ada"))
    day(turning)
    assert held(turning) == {(1, "closed"): {}, (2, "open"): {"police": 3, "customs": 2}}
    with pytest.raises(PasserelleError) as caught:
        turning.kit.core.foundation.domains.check("ter", 1)
    assert caught.value.code == "batch_epoch_wrong"
    again = turning.open("police", police.settings.model_copy(update={"epoch": 1}))
    assert again.settings.epoch == 2  # a restart forgets nothing
    await again.submit()


async def confirmed(member: Member, link: StoredLink) -> None:
    """Somebody confirmed it."""
    verdict, reason = Verdict.CONFIRMED_JUSTIFIED, Reason.DOCUMENTS
    why = ("u-17", "counter_terrorism", "be_ter_2024", "c-9", 3)
    await member.judge.give(Finding(link.link_id.hex(), verdict, reason, *why))


async def test_a_record_that_is_withdrawn_meanwhile_has_no_link_left(turning: Federation) -> None:
    police, customs = join(turning, "police", BRUNO, ANNA), join(turning, "customs", ANNA)
    await police.submit()
    await customs.submit()
    day(turning)
    decide(turning, lambda epochs, tx: epochs.announce(tx, "ter", 2, "ada"))
    decide(turning, lambda epochs, tx: epochs.open(tx, "ter", 2, "ada"))
    turning.pinned = turning.keys
    police = await submitted(turning, police, "police")
    day(turning)
    assert [one.state for one in known(turning)] == ["notified"]
    write(turning, "police", BRUNO)
    await police.submit()
    day(turning)
    assert held(turning)[2, "open"] == {"police": 1}
    assert [one.state for one in known(turning)] == ["erased"]
