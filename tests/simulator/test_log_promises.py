"""Receipts and notifications are promises: connectors fetch the proofs, cosign, and notice a broken one."""

from __future__ import annotations

from pathlib import Path

import pytest
from mapping_kit import NAMES, mapping
from parties import entry_of, manifest_of
from simulator import YEAR, Federation, Member

from passerelle.audit import names
from passerelle.audit.proofs import Known, check_proof
from passerelle.clock import SECOND
from passerelle.codec.signed import decode_signed
from passerelle.codec.statement import decode_receipt
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.registry_entry import RegistryEntry, sign_entry
from passerelle.seal import SealingKey
from passerelle.sign import SigningKey
from passerelle_connector.log_watch import LogWatch
from passerelle_connector.peers import Peers
from passerelle_connector.store.promises import NOTIFICATION, Promise
from passerelle_hub.store import cosignatures

CONFIG = mapping(NAMES | {"national_number": "nrn", "phone": "phone"})
HEAD = "id,name,first,born,nrn,phone\n"


def join(simulated: Federation, agency: str, *rows: str) -> Member:
    return simulated.join(agency, CONFIG, {"rows.csv": (HEAD + "\n".join(rows) + "\n").encode()})


ANNA = "1,Peeters,Anna,1980-02-03,,"
ANNA_AGAIN = "X9,PEETERS,anna,1980-02-03,,"
BRUNO = "2,Maes,Bruno,1975-05-06,,0470123456"


def watch(member: Member) -> LogWatch:
    assert member.connector.log_watch is not None
    return member.connector.log_watch


def peers_of(member: Member) -> Peers:
    return member.connector.peers


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
    assert await watch(police).round() == 5  # receipt, notification, three parties' manifests
    assert await watch(police).round() == 0
    assert await watch(intelligence).round() == 5
    assert police.stores.promises.count() == 0
    with simulated.kit.core.database.read() as tx:
        size, _ = cosignatures.newest(tx, 2)
    assert size > 0


async def test_proofs_are_kept_as_files_that_prove_to_anybody(simulated: Federation) -> None:
    settings = join(simulated, "police", ANNA).settings
    police = simulated.open(
        "police", settings.model_copy(update={"proofs": Path("proofs"), "proofs_quorum": 0})
    )
    await police.submit()
    signed(simulated)
    assert await watch(police).round() == 3  # receipt, two manifests
    files = sorted(police.settings.path("proofs").glob("*.tlog-proof"))
    hub = simulated.kit.core.foundation
    known = Known({str(hub.identity): (hub.signing_key.public,)}, {})
    kinds = {check_proof(file.read_bytes(), known, 0).kind for file in files}
    assert kinds == {names.BATCH_ACCEPTED, names.MANIFEST_LOGGED}
    raw = files[0].read_bytes()
    for at in range(0, len(raw), 97):
        with pytest.raises(PasserelleError):
            check_proof(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :], known, 0)
    with pytest.raises(PasserelleError):
        check_proof(raw, Known({}, {}), 0)


async def test_a_proof_is_complete_once_a_quorum_cosigned(simulated: Federation) -> None:
    settings = join(simulated, "police", ANNA).settings
    police = simulated.open("police", settings.model_copy(update={"proofs": Path("proofs")}))
    customs = join(simulated, "customs", BRUNO)
    await police.submit()
    signed(simulated)
    folder = police.settings.path("proofs")
    assert await watch(police).round() == 4  # receipt, three manifests
    assert list(folder.glob("*.tlog-proof")) == []
    waiting = sorted(file.name for file in (folder / "unwitnessed").iterdir())
    await watch(customs).round()  # the second cosignature
    await watch(police).round()
    assert sorted(file.name for file in folder.glob("*.tlog-proof")) == waiting
    assert list((folder / "unwitnessed").iterdir()) == []
    hub = simulated.kit.core.foundation
    known = Known({str(hub.identity): (hub.signing_key.public,)}, peers_of(police).witnesses())
    for file in folder.glob("*.tlog-proof"):
        check_proof(file.read_bytes(), known, 2)
        with pytest.raises(PasserelleError, match="witnesses_missing"):
            check_proof(file.read_bytes(), known, 3)


async def test_before_the_checkpoint_there_is_patience(simulated: Federation) -> None:
    police = join(simulated, "police", ANNA)
    signed(simulated)
    await police.submit()
    assert await watch(police).round() == 2  # the manifests
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
    assert await watch(police).round() == 4  # notification, manifests; the receipt is not due yet
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


def swapped(simulated: Federation) -> tuple[SealingKey, RegistryEntry]:
    """What a hub in league with the registry hands out for intelligence: keys that are its own."""
    identity = Identity("intelligence.example", Role.CONNECTOR, "intelligence")
    now, thief = simulated.kit.clock.now(), SealingKey.generate()
    signing = SigningKey.generate().public
    manifest = manifest_of(identity, SigningKey.generate(), signing, thief.public, now, now + YEAR)
    return thief, entry_of(identity, simulated.kit.roots, manifest, now, revision=2)


async def test_swapped_keys_that_the_log_does_not_hold_are_not_used_and_an_alarm(
    simulated: Federation,
) -> None:
    police, _ = await linked(simulated)
    await watch(police).round()
    now, peers = simulated.kit.clock.now(), peers_of(police)
    before = peers.sealing_key("intelligence", now)
    thief, entry = swapped(simulated)
    peers.accept([sign_entry(simulated.kit.registry_key, entry)])
    assert peers.sealing_key("intelligence", now) == before
    await watch(police).round()  # patience: a proof may come
    simulated.kit.clock.advance(60 * SECOND)
    signed(simulated)
    with pytest.raises(PasserelleError) as caught:
        await watch(police).round()
    assert caught.value.code == "manifest_unlogged"
    assert peers.sealing_key("intelligence", simulated.kit.clock.now()) == before
    assert before != thief.public


async def test_new_keys_are_used_once_the_log_is_shown_to_hold_them(simulated: Federation) -> None:
    police, _ = await linked(simulated)
    await watch(police).round()
    fresh, entry = swapped(simulated)  # this time the agency's own doing: the hub takes and logs it
    simulated.kit.register(entry)
    signed(simulated)
    peers = peers_of(police)
    peers.accept(simulated.kit.core.registry.signed_entries())
    assert peers.sealing_key("intelligence", simulated.kit.clock.now()) != fresh.public
    await watch(police).round()
    assert peers.sealing_key("intelligence", simulated.kit.clock.now()) == fresh.public


async def test_two_manifests_of_one_number_are_an_alarm_at_once(simulated: Federation) -> None:
    police, _ = await linked(simulated)
    await watch(police).round()
    now, peers = simulated.kit.clock.now(), peers_of(police)
    identity = Identity("customs.example", Role.CONNECTOR, "customs")
    key = SigningKey.generate()
    for revision in (1, 2):
        sealing, signing = SealingKey.generate().public, SigningKey.generate().public
        manifest = manifest_of(identity, key, signing, sealing, now, now + YEAR)
        if revision == 1:
            peers.pin("customs", manifest)
        peers.accept(
            [
                sign_entry(
                    simulated.kit.registry_key,
                    entry_of(identity, simulated.kit.roots, manifest, now, revision=revision),
                )
            ]
        )
    with pytest.raises(PasserelleError) as caught:
        await watch(police).round()
    assert caught.value.code == "manifest_swapped"


async def test_a_key_that_a_later_manifest_leaves_out_is_refused_from_then_on(simulated: Federation) -> None:
    police = join(simulated, "police", ANNA)
    await police.submit()
    kit, now = simulated.kit, simulated.kit.clock.now()
    identity = Identity("police.example", Role.CONNECTOR, "police")
    manifest = manifest_of(
        identity, SigningKey.generate(), SigningKey.generate().public, None, now, now + YEAR
    )
    kit.register(entry_of(identity, kit.roots, manifest, now, revision=2))
    (police.settings.path("data") / "rows.csv").write_text(HEAD + ANNA + "\n" + BRUNO + "\n")
    with pytest.raises(PasserelleError) as caught:
        await police.submit()
    assert caught.value.code == "batch_not_consumed"
