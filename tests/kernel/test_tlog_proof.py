"""Proofs of inclusion as files: one spelling, nothing believed that the log did not sign."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from parties import entry_of, manifest_of

from passerelle import merkle
from passerelle.audit import cli
from passerelle.audit.proofs import Known, check_proof, read_known
from passerelle.checkpoint import Checkpoint, sign_checkpoint
from passerelle.clock import ManualClock
from passerelle.codec.signed import encode_signed
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.log_proof import EventProof
from passerelle.note import Note, cosign_note
from passerelle.notification import LogProof
from passerelle.registry_entry import sign_entry
from passerelle.sign import SigningKey
from passerelle.tlog_proof import MAX_PROOF_BYTES, proved, read_proof, write_proof
from passerelle_pki.ceremony import create_authority

ORIGIN = "spiffe://hub.example/hub/exchange"
KEY = SigningKey.generate()
A, A_AGAIN = "spiffe://a.example/connector/a", "spiffe://a.example/supervisor/a"
B = "spiffe://b.example/witness/b"


def shown(key: SigningKey = KEY) -> tuple[Note, EventProof]:
    """An event in the second of two leaves."""
    path = (bytes([7]) * 32,) * merkle.TICK_DEPTH
    place = LogProof(5, path, 1, (), 2, b"")
    event = EventProof("batch.accepted", 1, "matched/1", bytes(32), b"i" * 32, place)
    leaf = merkle.leaf_hash(merkle.tick_root_from_path(event.commitment, 5, path))
    other = merkle.leaf_hash(b"another tick")
    root = merkle.node_hash(other, leaf)
    place = replace(event.proof, tick_path=(other,), root=root)
    return sign_checkpoint(key, Checkpoint(ORIGIN, 2, root)), replace(event, proof=place)


def witnessed(*names: str, key: SigningKey = KEY) -> tuple[Note, EventProof]:
    """The same, cosigned by some."""
    note, proof = shown()
    return note.having(*(line for name in names for line in cosign_note(key, name, note.text, 7))), proof


def known(*hubs: SigningKey, witnesses: tuple[str, ...] = ()) -> Known:
    return Known({ORIGIN: tuple(key.public for key in hubs)}, dict.fromkeys(witnesses, (KEY.public,)))


def code(action: Callable[[], object]) -> str:
    with pytest.raises(PasserelleError) as caught:
        action()
    return caught.value.code


def test_a_file_is_what_the_format_says_and_proves_its_event() -> None:
    note, proof = shown()
    raw = write_proof(note, proof)
    lines = raw.decode().split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[1].startswith("extra ") and lines[2] == "index 1"
    assert base64.b64decode(lines[3]) == proof.proof.tick_path[0] and lines[4] == ""
    assert raw.endswith(b"\n\n" + note.to_bytes())
    assert read_proof(raw) == (note, proof)
    assert proved(raw, ORIGIN, KEY.public) == proof


def test_an_event_that_the_log_does_not_hold_is_not_proved() -> None:
    note, proof = shown()
    for changed in (
        replace(proof, kind="batch.refused"),
        replace(proof, happened=2),
        replace(proof, proof=replace(proof.proof, event_index=6)),
        replace(proof, proof=replace(proof.proof, tick=0)),
    ):
        raw = write_proof(note, changed)
        assert code(partial(proved, raw, ORIGIN, KEY.public)) == "proof_invalid"
    other = SigningKey.generate()
    raw = write_proof(*shown(other))
    assert code(lambda: proved(raw, ORIGIN, KEY.public)) == "note_unsigned"
    assert code(lambda: check_proof(raw, known(KEY), 0)) == "note_unsigned"
    assert code(lambda: check_proof(raw, known(), 0)) == "note_unsigned"
    assert check_proof(raw, known(KEY, other), 0) == proof
    spoilt = write_proof(note, replace(proof, kind="batch.refused"))
    assert code(lambda: check_proof(spoilt, known(KEY), 0)) == "proof_invalid"


def test_a_quorum_of_enrolled_witnesses_is_counted_once_each() -> None:
    ours = known(KEY, witnesses=(A, A_AGAIN, B))
    raw = write_proof(*witnessed(A, B, "spiffe://c.example/connector/c"))
    assert check_proof(raw, ours, 2).kind == "batch.accepted"
    assert code(lambda: check_proof(raw, ours, 3)) == "witnesses_missing"
    one = write_proof(*witnessed(A, A_AGAIN))
    assert code(lambda: check_proof(one, ours, 2)) == "witnesses_missing"
    forged = write_proof(*witnessed(A, B, key=SigningKey.generate()))
    assert code(lambda: check_proof(forged, ours, 1)) == "witnesses_missing"


def test_a_cosignature_of_a_known_key_that_does_not_hold_condemns_the_file() -> None:
    note, proof = witnessed(A, B)
    *lines, last = note.lines
    spoilt = replace(last, signature=last.signature[:-1] + bytes([last.signature[-1] ^ 1]))
    raw = write_proof(replace(note, lines=(*lines, spoilt)), proof)
    assert code(lambda: check_proof(raw, known(KEY, witnesses=(A, B)), 1)) == "note_signature_invalid"


def test_there_is_one_spelling() -> None:
    raw = write_proof(*shown())
    packed = base64.b64encode(b'{"kind": 1}')
    for spoilt in (
        b"",
        raw.replace(b"@v1", b"@v2"),
        raw.replace(b"extra ", b"extra  "),
        raw.replace(b"extra ", b"more "),
        raw.replace(b"index 1", b"index 01"),
        raw.replace(b"index 1", b"index x"),
        raw.replace(b"index 1\n", b"index 1\nAAAA\n"),
        raw.replace(raw.split(b"\n")[1], b"extra " + packed),
        raw + b" " * MAX_PROOF_BYTES,
    ):
        assert code(partial(read_proof, spoilt)) == "proof_malformed"
    assert code(lambda: read_proof(raw[:-1])) == "note_malformed"


def test_the_command_checks_files_under_the_entries_of_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = SigningKey.generate()
    (tmp_path / "registry.pub").write_bytes(registry.public.raw)
    (tmp_path / "entries").mkdir()
    assert read_known(tmp_path / "entries", registry.public) == Known({}, {})
    file = tmp_path / "a.tlog-proof"
    file.write_bytes(write_proof(*shown()))

    def check(quorum: int = 0) -> None:
        where = {"registry_key": tmp_path / "registry.pub", "entries": tmp_path / "entries"}
        cli.proof(file, **where, quorum=quorum)

    assert code(check) == "note_unsigned"
    roots = create_authority(tmp_path / "authority", "example", ManualClock()).roots
    for identity in (Identity.parse(ORIGIN), Identity("police.example", Role.CONNECTOR, "police")):
        manifest = manifest_of(identity, SigningKey.generate(), KEY.public, None, 1, 1_000)
        signed = sign_entry(registry, entry_of(identity, roots, manifest, 1))
        (tmp_path / "entries" / f"{identity.agency}.entry").write_bytes(encode_signed(signed))
    check()
    assert "batch.accepted matched/1" in capsys.readouterr().out
    assert code(lambda: check(1)) == "witnesses_missing"
    file.write_bytes(write_proof(*witnessed("spiffe://police.example/connector/police")))
    check(1)
    assert code(lambda: check(2)) == "witnesses_missing"
