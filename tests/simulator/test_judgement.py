"""Judgements over the whole way: connector, wire, hub, both inboxes, and back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mapping_kit import NAMES, mapping
from simulator import Federation, Member

from passerelle.errors import PasserelleError
from passerelle.judgement import Reason, Verdict
from passerelle.notification import LinkState
from passerelle.sign import Signed
from passerelle_connector.judge import Finding
from passerelle_hub.match.calibration_cli import judged
from passerelle_hub.store import clusters

CONFIG = mapping(NAMES | {"national_number": "nrn", "phone": "phone"})
ROWS = b"id,name,first,born,nrn,phone\n1,Peeters,Anna,1980-02-03,,\n"


async def linked(simulated: Federation) -> tuple[Member, Member, Finding]:
    """Two agencies with a linked record each, and a finding of the first one's analyst."""
    police, intelligence = (
        simulated.join(name, CONFIG, {"rows.csv": ROWS}) for name in ("police", "intelligence")
    )
    for member in (police, intelligence):
        await member.submit()
    simulated.beat()
    (note,) = await police.read_inbox()
    link = note.link_id.hex()
    found = Finding(
        link, Verdict.REFUTED, Reason.NAMESAKE, "u-17", "counter_terrorism", "be_ter_2024", "c-9", 3
    )
    return police, intelligence, found


async def test_a_refuted_link_is_told_to_both_and_no_longer_holds_them_together(
    simulated: Federation,
) -> None:
    police, intelligence, found = await linked(simulated)
    receipt = await police.judge.give(found)
    assert receipt.state is LinkState.REFUTED
    simulated.beat()
    for member in (police, intelligence):
        assert (await member.read_inbox())[-1].verdict == Verdict.REFUTED
    with simulated.kit.core.database.read() as tx:
        assert clusters.listing(tx) == ()
        (label,) = judged(tx)
    assert label.state is LinkState.REFUTED
    simulated.kit.clock.advance(40_000_000)
    contested = await intelligence.judge.give(
        replace(found, verdict=Verdict.CONFIRMED_JUSTIFIED, reason=Reason.DOCUMENTS, user="u-3")
    )
    assert contested.state is LinkState.UNDER_REVIEW
    simulated.beat()
    with simulated.kit.core.database.read() as tx:
        assert [len(group) for group in clusters.listing(tx)] == [2]
    assert (await police.read_inbox())[-1].state is LinkState.UNDER_REVIEW


@pytest.mark.parametrize(
    "changes",
    [{"link": "xyz"}, {"link": "00"}, {"reason": Reason.TOO_LITTLE}],
    ids=["no hexadecimal", "too short", "a reason of another verdict"],
)
async def test_what_cannot_be_a_judgement_is_not_sent(
    simulated: Federation, changes: dict[str, str | Reason]
) -> None:
    police, _, found = await linked(simulated)
    before = len(simulated.wire)
    with pytest.raises(PasserelleError, match="judgement_unusable"):
        await police.judge.give(replace(found, **changes))  # type: ignore[arg-type]  # as parametrised
    assert len(simulated.wire) == before


async def test_a_receipt_that_is_not_for_this_judgement_is_refused(simulated: Federation) -> None:
    police, _, found = await linked(simulated)
    receipts: list[Signed] = []

    async def first(judgement: Signed) -> Signed:
        if not receipts:
            receipts.append(simulated.kit.core.judgements.judge(judgement, police.hub.peer))
        return receipts[0]

    async def echo(judgement: Signed) -> Signed:
        return judgement

    police.hub.judge = first  # type: ignore[method-assign]  # a hub that repeats itself
    await police.judge.give(found)
    with pytest.raises(PasserelleError, match="judgement_receipt_invalid"):
        await police.judge.give(found)
    police.hub.judge = echo  # type: ignore[method-assign]  # somebody in between
    with pytest.raises(PasserelleError, match="judgement_receipt_invalid"):
        await police.judge.give(found)
