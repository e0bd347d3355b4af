"""The stories: what hub, connector and trustees write, from a beginning that `__init__` lays down.

Each is played in one thread, so that the N-th write is the same write in every run. The longest, the way of
a record, is in `exchange`, that of an authority and its registry in `authority`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from backup_kit import Vaulted
from ceremony_kit import agreement_text, circle
from hub_kit import hub_kit
from parties import HUB
from simulator import register_hub

from faults.alone import POLICIES, InProcess
from faults.authority import AuthorityStory
from faults.exchange import RecordStory
from faults.stage import Story
from passerelle.audit.follow import Evidence
from passerelle.clock import HOUR, ManualClock
from passerelle.csr import read_request
from passerelle.identity import Identity, Role
from passerelle.keyfile import write_durably
from passerelle.manifest_files import last_manifest
from passerelle.seal import SealingKey
from passerelle_connector.enrol import enrol
from passerelle_connector.keyring import load_keys, newest_keys
from passerelle_connector.rotate import rotate
from passerelle_hub.backup.archive import Archive, Seals
from passerelle_hub.compose import build_core
from passerelle_hub.policy.bundle import load_bundle
from passerelle_hub.store import Database, changes, holdings
from passerelle_trustee.ceremonies.agreement import read_agreement
from passerelle_trustee.ceremonies.session import Stage

TRUSTEES: Final = ("trustee-1", "trustee-2", "trustee-3")
ROTATED: Final = 2


class KeyStory:
    """A connector's keys: made, announced, rotated once."""

    def __init__(self, folder: Path) -> None:
        self._keys = folder / "keys"
        self._clock = ManualClock()
        self._identity = Identity("police.example", Role.CONNECTOR, "police")
        self._shown = folder / "shown"
        self._shown.mkdir()

    def play(self) -> None:
        """What was shown to the registry once is never made anew."""
        made = enrol(self._identity, self._keys, self._keys / "leaf-key.pem", self._clock)
        self._show(made.manifest)
        if last_manifest(self._keys, self._identity.agency).sequence < ROTATED:
            rotate(self._identity, self._keys, self._clock)
        for file in sorted(self._keys.glob("manifest*.signed")):
            self._show(file)

    def _show(self, manifest: Path) -> None:
        """The registry has it from now on; it takes no other one under that name."""
        raw, kept = manifest.read_bytes(), self._shown / manifest.name
        if not kept.exists():
            write_durably(kept, raw, mode=0o600)
        assert kept.read_bytes() == raw

    def check(self) -> None:
        """All keys are whole and private, and the newest are those that the newest manifest names."""
        load_keys(self._keys)
        signing, sealing = newest_keys(self._keys)
        last = last_manifest(self._keys, self._identity.agency)
        assert last.sequence == ROTATED
        assert last.signing_keys[0].key.key_id == signing.public.key_id
        assert last.sealing_keys[0].key.key_id == sealing.public.key_id
        read_request((self._keys / "leaf.csr").read_bytes())
        open_to_others = [one.name for one in self._keys.glob("*.key") if one.stat().st_mode & 0o077]
        assert open_to_others == []


class CeremonyStory:
    """Three trustees that make a key together."""

    def __init__(self, folder: Path) -> None:
        self._circle = circle(read_agreement(agreement_text(TRUSTEES), folder), folder)

    def play(self) -> None:
        """All of them until nothing moves."""
        self._standings = self._circle.run()

    def check(self) -> None:
        """All came to the same keys; nobody was named a cheat."""
        assert {one.stage for one in self._standings.values()} == {Stage.DONE}
        assert len({self._circle.keys(name).to_json() for name in TRUSTEES}) == 1
        assert all(self._circle.made(name) for name in TRUSTEES)
        left = [one.agency for one in self._circle.trustees.values() if one.folder.has("dealing.key")]
        assert left == []


class EvidenceStory:
    """A witness that keeps what proves an alarm."""

    FILES: Final = {"known": b"the one" * 100, "shown": b"the other" * 100}

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "evidence"
        self._evidence = Evidence(self._folder, ManualClock())

    def play(self) -> None:
        """The same alarm, however often it is met."""
        self._evidence.keep("log_forked", b"both", self.FILES)

    def check(self) -> None:
        """One alarm, with all of its files."""
        (name,) = self._evidence.alarms()
        place = self._folder / name
        assert {file.name: file.read_bytes() for file in place.iterdir()} == self.FILES


class BackupStory:
    """A hub whose changes are archived before they commit, that copies itself in between, and is restored."""

    RECORDS: Final = tuple(bytes([number]) * 16 for number in range(1, 5))

    def __init__(self, folder: Path) -> None:
        self._source, self._backup = folder / "hub.db", folder / "backup"
        self._backup.mkdir()
        self._target = folder / "restored.db"
        self._clock, self._operator = ManualClock(), SealingKey.generate()
        with hub_kit(folder, InProcess(), load_bundle(POLICIES), clock=self._clock) as kit:
            self._kit, self._police = kit, kit.agency("police")
            register_hub(kit)
            self._opened().copy()

    def play(self) -> None:
        """Four batches of a record each, a copy after two; then it is restored beside itself."""
        if self._target.exists():
            return
        self._clock.advance(HOUR)
        self._kit.core.database.close()
        self._kit.core = build_core(self._kit.core.foundation, Database(f"sqlite:///{self._source}"))
        vaulted = self._opened()
        with self._kit.core.database.read() as tx:
            self._kit.core.registry.refresh(tx)
            held = dict(holdings.active(tx, "police"))
        position = self._kit.core.intake.position(self._police.identity)
        self._police.sequence, self._police.previous = position.next_sequence - 1, position.previous
        for record_id in self.RECORDS:
            if record_id not in held:
                record = self._police.record({"national number": record_id.hex()}, record_id=record_id)
                assert self._kit.submit(self._police, record).accepted
            if record_id == self.RECORDS[1]:
                vaulted.copy()
        self._kit.beat()
        self._kit.core.database.close()
        vaulted.restore(self._target)

    def check(self) -> None:
        """What is restored is what is there, row by row."""
        before = _rows(self._source)
        after = _rows(self._target)
        news = [one for one in after["audit_event"] if one not in before["audit_event"]]
        assert len(news) == 1  # that it was restored
        after["audit_event"] = before["audit_event"]
        assert after == before

    def _opened(self) -> Vaulted:
        core = self._kit.core
        seals = Seals(str(HUB), core.foundation.signing_key, self._operator.public)
        archive = Archive(self._backup, seals, self._clock)
        changes.follow(core.database, archive, self._clock.now)
        return Vaulted(self._kit, self._source, self._backup, self._operator, seals, archive)


def _rows(file: Path) -> dict[str, list[object]]:
    """All rows of all tables but those that a restore itself writes to."""
    with closing(sqlite3.connect(file)) as raw:
        names = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        own = {"archive", "recovery", "sqlite_sequence"}
        return {
            name: sorted(raw.execute(f"SELECT * FROM {name}"), key=repr)  # noqa: S608 - our own names
            for name in names
            if name not in own
        }


STORIES: Mapping[str, Callable[[Path], Story]] = {
    "record": RecordStory,
    "keys": KeyStory,
    "ceremony": CeremonyStory,
    "evidence": EvidenceStory,
    "backup": BackupStory,
    "authority": AuthorityStory,
}
