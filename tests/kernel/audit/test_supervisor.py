"""A witness that runs for years: each round goes by the entries, roots and leaf that lie there now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from parties import HUB, entry_of, manifest_of

from passerelle.audit.checks import look
from passerelle.audit.config import SupervisedHub, SupervisorSettings
from passerelle.audit.follow import Shown
from passerelle.audit.keeping import kept
from passerelle.audit.supervisor import known_parties, watch
from passerelle.certificate import Usage
from passerelle.checkpoint import Checkpoint, sign_checkpoint
from passerelle.checks import State
from passerelle.clock import DAY, SystemClock
from passerelle.codec.signed import encode_signed
from passerelle.config import PkiAddress
from passerelle.csr import key_pem, new_key
from passerelle.errors import PasserelleError
from passerelle.first_keys import FirstFiles, make_first_keys
from passerelle.identity import Identity, Role
from passerelle.keyfile import KeyKind, write_key, write_private
from passerelle.log_proof import EventProof
from passerelle.manifest import read_manifest
from passerelle.note import Note
from passerelle.registry_entry import sign_entry
from passerelle.sign import Signed, SigningKey
from passerelle_pki.ceremony import create_authority

ME = "spiffe://oversight.example/supervisor/oversight"
PATIENCE = 30.0


@dataclass
class FakeLog:
    """Shows one tree, signed by `key`; notes who cosigned what."""

    key: SigningKey
    handed: tuple[Signed, ...] = ()
    opened: asyncio.Queue[None] = field(default_factory=asyncio.Queue[None])
    cosigned: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue[bytes])

    @asynccontextmanager
    async def open(self, _settings: SupervisorSettings) -> AsyncGenerator[FakeLog]:
        self.opened.put_nowait(None)
        yield self

    async def checkpoints(self) -> Shown:
        note = sign_checkpoint(self.key, Checkpoint(str(HUB), 1, bytes(32)))
        return Shown(note, note)

    async def entries(self) -> tuple[Signed, ...]:
        if not self.handed:
            raise PasserelleError("peer_unavailable", "made to fail by a test")
        return self.handed

    async def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        raise AssertionError((old, new))

    async def prove(
        self, commitments: Sequence[bytes], subjects: Sequence[str], *, witnesses: int = 0
    ) -> tuple[Note, tuple[EventProof, ...]]:
        raise AssertionError((commitments, subjects, witnesses))

    async def cosign(self, note: Note) -> None:
        self.cosigned.put_nowait(note.text)


@dataclass
class Office:
    """The supervisor's folder, and the registry that fills it."""

    folder: Path
    registry: SigningKey = field(default_factory=SigningKey.generate)
    manifest: SigningKey = field(default_factory=SigningKey.generate)

    def __post_init__(self) -> None:
        self.roots = create_authority(self.folder / "authority", HUB.trust_domain, SystemClock()).roots
        (self.folder / "entries").mkdir()
        (self.folder / "keys").mkdir()
        (self.folder / "registry.pub").write_bytes(self.registry.public.raw)
        (self.folder / "keys/roots.pem").write_bytes(self.roots)
        write_key(self.folder / "keys/signing.key", KeyKind.SIGNING, SigningKey.generate().raw)

    def signed(
        self, signing: SigningKey, revision: int, who: Identity = HUB, registry: SigningKey | None = None
    ) -> Signed:
        """An entry, with a manifest that names this signing key alone."""
        now = SystemClock().now()
        raw = manifest_of(who, self.manifest, signing.public, None, now - DAY, now + DAY)
        entry = entry_of(who, self.roots, raw, now, revision=revision)
        return sign_entry(registry or self.registry, entry)

    def enter(self, signing: SigningKey, revision: int) -> None:
        """The hub's entry."""
        file = self.folder / "entries/hub.entry"
        draft = file.with_suffix(".tmp")
        draft.write_bytes(encode_signed(self.signed(signing, revision)))
        draft.replace(file)

    @property
    def settings(self) -> SupervisorSettings:
        hub = SupervisedHub(address="localhost:1", agency=HUB.agency)
        return SupervisorSettings(base=self.folder, identity=ME, seconds=0.01, hub=hub)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def emptied(queue: asyncio.Queue[Any]) -> None:
    while not queue.empty():
        queue.get_nowait()


async def test_a_key_that_the_registry_replaced_is_followed_no_more_and_the_new_one_is(
    office: Office,
) -> None:
    old, new = SigningKey.generate(), SigningKey.generate()
    log = FakeLog(old)
    office.enter(old, 1)
    running = asyncio.create_task(watch(office.settings, once=False, opened=log.open))
    await asyncio.wait_for(log.cosigned.get(), PATIENCE)
    office.enter(new, 2)
    emptied(log.opened)
    for _ in range(3):  # the round under way may have read the old entry
        await asyncio.wait_for(log.opened.get(), PATIENCE)
    emptied(log.cosigned)
    with pytest.raises(PasserelleError, match="note_unsigned"):
        await watch(office.settings, once=True, opened=log.open)
    assert log.cosigned.empty()
    log.key = new
    await asyncio.wait_for(log.cosigned.get(), PATIENCE)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_entries_that_the_hub_hands_on_are_taken_before_the_round_goes_by_them(office: Office) -> None:
    old, new = SigningKey.generate(), SigningKey.generate()
    office.enter(old, 1)
    late = Identity("customs.example", Role.CONNECTOR, "customs")
    forged = office.signed(
        new, 9, Identity("police.example", Role.CONNECTOR, "police"), SigningKey.generate()
    )
    log = FakeLog(new, (office.signed(new, 2), office.signed(new, 1, late), forged))
    await watch(office.settings, once=True, opened=log.open)
    assert {entry.agency: entry.revision for entry in known_parties(office.settings).entries} == {
        HUB.agency: 2, "customs": 1
    }  # fmt: skip
    assert sorted(file.name for file in (office.folder / "entries").iterdir()) == [
        "customs.entry",
        "hub.entry",
    ]
    log.handed = (office.signed(old, 1),)  # what was replaced does not come back
    await watch(office.settings, once=True, opened=log.open)
    assert known_parties(office.settings).entry(HUB.agency).revision == 2


async def test_no_entry_takes_the_file_of_another_agency(
    office: Office,
) -> None:
    key, late = SigningKey.generate(), Identity("customs.example", Role.CONNECTOR, "customs")
    office.enter(key, 1)
    entries = office.folder / "entries"
    (entries / "hub.entry").rename(entries / "customs.entry")
    log = FakeLog(key, (office.signed(key, 1, late),))
    for revision in (1, 2):
        log.handed = (office.signed(key, revision, late),)
        await watch(office.settings, once=True, opened=log.open)
    assert sorted(file.name for file in entries.iterdir()) == ["customs-1.entry", "customs.entry"]
    assert known_parties(office.settings).entry("customs").revision == 2
    assert known_parties(office.settings).entry(HUB.agency).revision == 1


async def test_what_does_not_hold_at_the_start_is_said_at_once(office: Office) -> None:
    log = FakeLog(SigningKey.generate())
    with pytest.raises(PasserelleError, match="agency_unknown"):
        await asyncio.wait_for(watch(office.settings, once=False, opened=log.open), PATIENCE)
    assert log.opened.empty()


def test_the_doctor_says_what_is_there_and_what_is_not(office: Office) -> None:
    office.enter(SigningKey.generate(), 1)
    found = {one.name: one for one in look(office.settings, SystemClock())}
    assert found["key file signing.key"].state is State.OK
    assert found["registry"].text == "1 entries verify"
    assert {name for name, one in found.items() if one.state is State.FAIL} == {
        "key file leaf-key.pem",
        "certificate",
        "hub",
    }


async def test_a_leaf_that_is_fresh_is_kept_and_nothing_goes_on_after_the_round(
    office: Office, tmp_path: Path
) -> None:
    office.enter(SigningKey.generate(), 1)
    me, key, keys = Identity.parse(ME), new_key(), tmp_path / "keys"
    files = FirstFiles(keys / "signing.key", keys / "manifest.key", keys / "leaf-key.pem")
    write_private(files.tls, key_pem(key))
    made = make_first_keys(me, files, Usage.CLIENT, SystemClock())
    authority = create_authority(tmp_path / "ours", me.trust_domain, SystemClock())
    chain = authority.issue_leaf(me, made.request.read_bytes(), Usage.CLIENT)
    (keys / "leaf.pem").write_bytes(chain)
    settings = office.settings.model_copy(update={"pki": PkiAddress(address="localhost:1")})
    before = asyncio.all_tasks()
    async with kept(settings, lambda: read_manifest(made.manifest.read_bytes(), me.agency), SystemClock()):
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks() - before) == 2
    assert asyncio.all_tasks() == before
    assert (keys / "leaf.pem").read_bytes() == chain
    assert not (keys / "manifest-2.signed").exists()
