"""Witnesses: consistency before they cosign, a split view is kept as proof, the guard of releases."""

from __future__ import annotations

from pathlib import Path

import pytest
from audit_kit import exported
from hub_kit import HubKit
from log_kit import KitLog, TwoFacedLog
from parties import HUB
from simulator import register_hub

from passerelle.audit.follow import Follower
from passerelle.audit.verify import verify_export
from passerelle.checkpoint import Checkpoint, verify_checkpoint
from passerelle.clock import SECOND
from passerelle.errors import PasserelleError
from passerelle.note import Note, cosign_note, verify_cosignature
from passerelle.sign import SigningKey
from passerelle_hub.logbook.guard import LogGuard
from passerelle_hub.logbook.reading import LogReader
from passerelle_hub.outgoing import Outgoing
from passerelle_hub.store import cosignatures


def follower(hub: HubKit, port: KitLog, folder: Path) -> Follower:
    key = hub.core.foundation.signing_key.public
    return Follower(folder, port, lambda note: verify_checkpoint(note, str(HUB), key), hub.clock)


def signed(hub: HubKit, ticks: int = 1) -> None:
    for _ in range(ticks):
        hub.beat()
    with hub.core.database.write() as tx:
        hub.core.transparency.checkpoint(tx)


async def cosigned(hub: HubKit, folder: Path, *names: str) -> None:
    for name in names:
        agency = hub.agency(name)
        one = follower(hub, KitLog(hub, agency.identity), folder / name)
        await one.follow(agency.signing, str(agency.identity))


async def test_two_witnesses_make_a_quorum_that_the_offline_verifier_counts(
    hub: HubKit, tmp_path: Path
) -> None:
    register_hub(hub)
    for name in ("police", "intelligence"):
        hub.agency(name)
    signed(hub, 3)
    await cosigned(hub, tmp_path, "police", "intelligence", "police")
    with hub.core.database.read() as tx:
        assert cosignatures.newest(tx, 2) == (3, hub.clock.now())
        assert cosignatures.newest(tx, 3) == (0, 0)
    note = Note.parse(LogReader(hub.core.database, hub.core.transparency).checkpoints().offered)
    police = hub.agency("police")
    assert verify_cosignature(note, str(police.identity), police.signing.public) == hub.clock.now() // SECOND
    found = verify_export(exported(hub, tmp_path / "export"), hub.registry_key.public, 2)
    assert found.log.cosignatures == 2
    with pytest.raises(PasserelleError) as caught:
        verify_export(tmp_path / "export", hub.registry_key.public, 3)
    assert caught.value.code == "log_false"


async def test_a_witness_follows_a_growing_log(hub: HubKit, tmp_path: Path) -> None:
    police = hub.agency("police")
    one = follower(hub, KitLog(hub, police.identity), tmp_path / "state")
    for ticks in (1, 4, 1, 7):
        signed(hub, ticks)
        assert (await one.follow()).size > 0
    again = follower(hub, KitLog(hub, police.identity), tmp_path / "state")  # as after a restart
    assert (await again.follow()).size == 13
    assert one.evidence.alarms() == ()


@pytest.mark.parametrize("further", [-1, 0, 5], ids=["shorter", "same size", "longer"])
async def test_a_split_view_is_an_alarm_with_proof(hub: HubKit, tmp_path: Path, further: int) -> None:
    police = hub.agency("police")
    port = TwoFacedLog(hub, police.identity, further=further)
    one = follower(hub, port, tmp_path / "state")
    signed(hub, 4)
    await one.follow()
    port.lying = True
    with pytest.raises(PasserelleError) as caught:
        await one.follow(police.signing, str(police.identity))
    assert caught.value.code == "log_forked"
    (alarm,) = one.evidence.alarms()
    key = hub.core.foundation.signing_key.public
    shown = [
        verify_checkpoint(
            Note.parse((tmp_path / "state/evidence" / alarm / name).read_bytes()), str(HUB), key
        )
        for name in ("known", "shown")
    ]
    assert shown[0].size == 4
    assert shown[0] != shown[1]
    with pytest.raises(PasserelleError):
        await one.follow()  # it stays an alarm, and is kept once
    assert len(one.evidence.alarms()) == 1


@pytest.mark.parametrize("case", ["another tree", "another key", "no lines"])
async def test_another_cosignature_is_refused(hub: HubKit, case: str) -> None:
    police = hub.agency("police")
    signed(hub)
    port = KitLog(hub, police.identity)
    text = (await port.checkpoints()).newest.text
    key = police.signing
    if case == "another tree":
        text = Checkpoint(str(HUB), 1, bytes(32)).text()
    if case == "another key":
        key = SigningKey.generate()
    lines = () if case == "no lines" else cosign_note(key, str(police.identity), text, 1)
    with pytest.raises(PasserelleError) as caught:
        await port.cosign(Note(text, lines))
    assert caught.value.code in ("cosignature_refused", "note_unsigned")


def test_nothing_is_released_while_the_log_does_not_stand(hub: HubKit) -> None:
    police = hub.agency("police")
    outgoing = Outgoing(hub.core.database, hub.core.audit, LogGuard(hub.clock, 60 * SECOND))

    def released() -> bool:
        try:
            outgoing.open(police.identity, 0)
        except PasserelleError as error:
            assert error.code == "log_stale"
            return False
        return True

    assert not released()  # no checkpoint yet
    signed(hub)
    assert released()
    outgoing.after(police.identity, 0)  # a stream that is open
    hub.clock.advance(61 * SECOND)
    assert not released()  # the checkpoint is old
    for reading in (lambda: outgoing.after(police.identity, 0), lambda: outgoing.news({"police": 0})):
        with pytest.raises(PasserelleError, match="log_stale"):
            reading()
    with hub.core.database.write() as tx:
        hub.core.transparency.checkpoint(tx)
    assert not released()  # no tick was closed since
    signed(hub)
    assert released()


async def test_the_guard_can_demand_a_quorum(hub: HubKit, tmp_path: Path) -> None:
    guard = LogGuard(hub.clock, quorum=2, witnessed_age=600 * SECOND)
    signed(hub)
    with hub.core.database.read() as tx, pytest.raises(PasserelleError):
        guard.require(tx)
    await cosigned(hub, tmp_path, "police", "intelligence")
    with hub.core.database.read() as tx:
        guard.require(tx)
    hub.clock.advance(601 * SECOND)
    with hub.core.database.read() as tx, pytest.raises(PasserelleError):
        guard.require(tx)
