"""What others read of the log: proofs against one checkpoint, for whom they are, and tiles."""

from __future__ import annotations

import pytest
from hub_kit import HubKit
from parties import HUB

from passerelle import merkle
from passerelle.audit.tiles import tiles_of, unpack_entries
from passerelle.checkpoint import Checkpoint, verify_checkpoint
from passerelle.errors import PasserelleError
from passerelle.log_proof import verify_log_proof
from passerelle.note import Note
from passerelle_hub.audit import EventKind, Vouch
from passerelle_hub.logbook.reading import MAX_PROOFS, MAX_TILES, LogReader
from passerelle_hub.store import log_store

ME = HUB


def reader(hub: HubKit) -> LogReader:
    return LogReader(hub.core.database, hub.core.transparency)


def signed(hub: HubKit) -> Checkpoint:
    with hub.core.database.write() as tx:
        note = hub.core.transparency.checkpoint(tx)
    return verify_checkpoint(note, str(HUB), hub.core.foundation.signing_key.public)


def test_receipts_are_proved_together_against_one_signed_checkpoint(hub: HubKit) -> None:
    police = hub.agency("police")
    events: list[bytes] = []
    for _ in range(3):
        events.append(hub.submit(police, police.record({"national number": "1"})).audit_event)
        events.append(hub.submit(police, police.record({"national number": "2"})).audit_event)
        hub.beat()
    checkpoint = signed(hub)
    hub.beat()  # the tree grows on; the proofs stay with the signed one
    late = hub.submit(police, police.record({"national number": "3"})).audit_event
    hub.beat()
    found = reader(hub).prove(police.identity, [*events, late, bytes(32)], [])
    assert Note.parse(found.note).text == checkpoint.text()
    assert {proof.commitment for proof in found.proofs} == set(events)
    for proof in found.proofs:
        assert proof.kind == EventKind.BATCH_ACCEPTED
        verify_log_proof(proof.proof, proof.commitment, checkpoint)


def test_by_subject_one_gets_ones_own(hub: HubKit) -> None:
    police, customs = hub.agency("police"), hub.agency("customs")
    with hub.core.database.write() as tx:
        for subject in ("notification/police/1", "manifest/police/1", "link/ab"):
            hub.core.audit.append(tx, EventKind.LOG_READ, "test", vouch=Vouch(subject, b"v" * 32))
    hub.beat()
    checkpoint = signed(hub)
    subjects = ["notification/police/1", "manifest/police/1", "link/ab"]

    def asked(who: object) -> set[str]:
        found = reader(hub).prove(who, [], subjects)  # type: ignore[arg-type]  # an identity
        for proof in found.proofs:
            verify_log_proof(proof.proof, proof.commitment, checkpoint)
        return {proof.subject for proof in found.proofs}

    assert asked(police.identity) == {"notification/police/1", "manifest/police/1"}
    assert asked(customs.identity) == {"manifest/police/1"}


def test_the_newest_event_of_a_subject_is_proved(hub: HubKit) -> None:
    police = hub.agency("police")
    for vouched in (b"a" * 32, b"b" * 32):
        with hub.core.database.write() as tx:
            subject = "manifest/customs/1"
            hub.core.audit.append(tx, EventKind.LOG_READ, "test", vouch=Vouch(subject, vouched))
        hub.beat()
    signed(hub)
    found = reader(hub).prove(police.identity, [], ["manifest/customs/1"])
    assert [proof.vouched for proof in found.proofs] == [b"b" * 32]


def test_before_the_first_checkpoint_there_is_no_proof(hub: HubKit) -> None:
    with pytest.raises(PasserelleError) as caught:
        reader(hub).prove(ME, [], [])
    assert caught.value.code == "proof_unavailable"
    with pytest.raises(PasserelleError):
        reader(hub).checkpoints()


def test_one_checkpoint_a_round_is_offered_and_one_a_size_is_signed(hub: HubKit) -> None:
    hub.beat()
    first = signed(hub)
    assert reader(hub).checkpoints().offered == reader(hub).checkpoints().note
    assert signed(hub) == first
    for _ in range(30):
        hub.beat()
        signed(hub)
    found = reader(hub).checkpoints()
    assert Checkpoint.parse(Note.parse(found.offered).text) == first
    for _ in range(31):
        hub.beat()
    again = signed(hub)
    assert Checkpoint.parse(Note.parse(reader(hub).checkpoints().offered).text) == again


def test_tiles_give_the_tree_back(hub: HubKit) -> None:
    for _ in range(300):
        with hub.core.database.write() as tx:
            hub.core.transparency.close_tick(tx)
    checkpoint = signed(hub)
    tiles = {tile.path: tile for tile in tiles_of(checkpoint.size)}
    content = dict(zip(tiles, reader(hub).tiles(list(tiles)), strict=True))
    leaves = unpack_entries(content["tile/entries/000"]) + unpack_entries(content["tile/entries/001.p/44"])
    assert merkle.root(leaves) == checkpoint.root
    assert content["tile/0/000"][:32] == merkle.leaf_hash(leaves[0])
    assert content["tile/1/000.p/1"] == merkle.root(leaves[:256])


def test_what_is_not_there_or_too_much_is_refused(hub: HubKit) -> None:
    hub.beat()
    signed(hub)
    for paths in (["tile/0/000.p/2"], ["tile/entries/004"], ["tile/9/000"]):
        with pytest.raises(PasserelleError) as caught:
            reader(hub).tiles(paths)
        assert caught.value.code == "tile_unknown"
    with pytest.raises(PasserelleError) as caught:
        reader(hub).tiles(["tile/0/000.p/1"] * (MAX_TILES + 1))
    assert caught.value.code == "message_malformed"
    with pytest.raises(PasserelleError) as caught:
        reader(hub).prove(ME, [bytes(32)] * (MAX_PROOFS + 1), [])
    assert caught.value.code == "message_malformed"
    with pytest.raises(PasserelleError) as caught:
        reader(hub).prove(ME, [], ["manifest/\0"])
    assert caught.value.code == "message_malformed"


def test_a_tick_takes_its_events_in_order_and_leaves_the_rest(hub: HubKit) -> None:
    with hub.core.database.write() as tx:
        marks = [hub.core.audit.append(tx, EventKind.LOG_READ, "test", n=at) for at in range(5)]
        hub.core.transparency.close_tick(tx)
        assert log_store.take_open(tx, 9, 10) == ()
        assert log_store.tick_events(tx, 0)[-5:] == tuple(marks)
