"""The envelope mutation matrix: whatever is done to a batch on its way, whoever receives it refuses it.

Columns: the hub's intake, which must store nothing of it; the recipient of a section, who must open nothing;
the offline verifier, for what a hub holds although it is so. An empty cell is one where the row says nothing
that this receiver could be shown, with the reason beside it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template

import pytest
from audit_kit import exported
from envelope_kit import PLAIN, RECIPIENT, Envelope, envelope, read, resigned, rewrapped
from hub_kit import FakeAgency, HubKit, hub_kit
from parties import HUB, MARKING
from simulator import register_hub

from passerelle.audit.verify import verify_export
from passerelle.codec.header import decode_header
from passerelle.codec.signed import encode_signed
from passerelle.errors import PasserelleError
from passerelle.marking import Classification
from passerelle.record import KekWrap, Lifetime, Section
from passerelle_hub.logbook.export import Exporter
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.store import Database, records

POLICE, CUSTOMS = "police", "customs"


@dataclass
class Parties:
    """A hub, the agency, the recipient, a thief; the envelope is the agency's next batch."""

    hub: HubKit
    police: FakeAgency
    intelligence: FakeAgency
    customs: FakeAgency

    def fresh(self) -> Envelope:
        return envelope(self.police, self.intelligence)


Change = Callable[[Envelope, Parties], Envelope]


@dataclass(frozen=True)
class Row:
    """What is done; the hub's code, the recipient's, words of what the verifier says of it in a database.

    `one`: the hub refuses the record and takes the rest. `by`: who submits it.
    """

    name: str
    change: Change
    hub: str = ""
    recipient: str = ""
    verifier: str = ""
    one: bool = False
    by: str = POLICE


LOWER = replace(MARKING, classification=Classification.UNCLASSIFIED)


def downgrade(one: Envelope, _: Parties) -> Envelope:
    return one.with_header(marking=LOWER)


def lengthen(one: Envelope, _: Parties) -> Envelope:
    return one.with_header(lifetime=Lifetime(1, expiry=2**40))


def no_ed25519(one: Envelope, _: Parties) -> Envelope:
    return one.without_signature("ed25519")


def no_ml_dsa(one: Envelope, _: Parties) -> Envelope:
    return one.without_signature("ml_dsa_65")


def gap(one: Envelope, parties: Parties) -> Envelope:
    return one.signed(parties.police.signing, sequence=one.statement.sequence + 1)


def again(one: Envelope, parties: Parties) -> Envelope:
    return one.signed(parties.police.signing, sequence=one.statement.sequence - 1)


def fork(one: Envelope, parties: Parties) -> Envelope:
    return one.signed(parties.police.signing, previous=b"\x07" * 32)


def strip(one: Envelope, _: Parties) -> Envelope:
    return one.but(keks=())


def add(one: Envelope, _: Parties) -> Envelope:
    return one.but(keks=(*one.batch.keks, KekWrap(CUSTOMS, bytes(32), b"for me too")))


def cut_batch(one: Envelope, _: Parties) -> Envelope:
    return one.but(records=one.batch.records[:1])


def cut_section(one: Envelope, _: Parties) -> Envelope:
    first, *others = one.batch.records[0].sections
    return one.with_record(sections=(first._replace(ciphertext=first.ciphertext[:-1]), *others))


def swap_sections(one: Envelope, _: Parties) -> Envelope:
    first, second = one.batch.records[0].sections
    swapped = (Section(first.name, second.ciphertext), Section(second.name, first.ciphertext))
    return one.with_record(sections=swapped)


def for_another_section(one: Envelope, _: Parties) -> Envelope:
    return rewrapped(one, wrapped=one.batch.records[0].wraps[1].wrapped)


def for_another_record(one: Envelope, _: Parties) -> Envelope:
    return rewrapped(one, wrapped=one.batch.records[1].wraps[0].wrapped)


def for_another_recipient(one: Envelope, parties: Parties) -> Envelope:
    """The wrap of a key of the thief's own, shown as the recipient's."""
    (kek,) = one.batch.keks
    return one.but(keks=(replace(kek, key_id=parties.customs.sealing.public.key_id),))


def of_another_batch(one: Envelope, parties: Parties) -> Envelope:
    return one.but(keks=parties.fresh().batch.keks)


def steal(one: Envelope, parties: Parties) -> Envelope:
    return resigned(one, parties.customs)


def forge(one: Envelope, parties: Parties) -> Envelope:
    """A statement in the agency's name, signed with a thief's key."""
    return one.signed(parties.customs.signing, records=2)


def another_root(one: Envelope, parties: Parties) -> Envelope:
    return one.signed(parties.police.signing, root=b"\x07" * 32)


def another_path(one: Envelope, _: Parties) -> Envelope:
    return replace(one, paths=((b"\x07" * 32,), *one.paths[1:]))


def another_domain(one: Envelope, parties: Parties) -> Envelope:
    return one.signed(parties.police.signing, domain="nowhere")


def another_epoch(one: Envelope, parties: Parties) -> Envelope:
    return one.signed(parties.police.signing, epoch=2)


UNSIGNED, SET, FORGED = "batch_signature_invalid", "other recipients", "manifest_key_unknown"
CLASSICAL, LATTICE = "signature_missing_classical", "signature_missing_post_quantum"
ANOTHER, ROOT, SECTION = "not what the agency signed", "batch_root_mismatch", "record_section_mismatch"
MATRIX = (
    Row("replay", again, "batch_replayed", "", ANOTHER),
    Row("gap", gap, "batch_sequence_gap", "", "does not follow"),
    Row("another predecessor", fork, "batch_chain_broken", "", ANOTHER),
    Row("downgraded classification", downgrade, ROOT, "proof_invalid", "records/"),
    Row("changed header field", lengthen, ROOT, "proof_invalid", "records/"),
    Row("Ed25519 stripped", no_ed25519, UNSIGNED, CLASSICAL, CLASSICAL),
    Row("ML-DSA-65 stripped", no_ml_dsa, UNSIGNED, LATTICE, LATTICE),
    Row("recipient stripped", strip, ROOT, "", SET),  # who is none has nothing to read
    Row("recipient added", add, ROOT, "", SET),  # what it is given to open is its own
    Row("batch truncated", cut_batch, "batch_incomplete", "", "records/"),  # each record stands alone
    Row("section truncated", cut_section, SECTION, "section_truncated", "sections are not", one=True),
    Row("sections swapped", swap_sections, SECTION, "section_key_mismatch", "sections are not", one=True),
    Row("wrap of another section", for_another_section, "", "wrap_mislabelled", "wraps are not"),  # (a)
    Row("wrap of another record", for_another_record, "", "wrap_mislabelled", "wraps are not"),  # (a)
    Row("wrap to another recipient", for_another_recipient, ROOT, "wrap_wrong_key", SET),
    Row("wrap of another batch", of_another_batch, ROOT, "wrap_mislabelled", SET),
    Row("re-signed as one's own", steal, "batch_wrong_signer", FORGED, FORGED, one=True, by=CUSTOMS),
    Row("signed by a thief in the agency's name", forge, UNSIGNED, FORGED, FORGED),
    Row("another root", another_root, ROOT, "proof_invalid", ANOTHER),
    Row("another path", another_path, "", "proof_invalid"),  # hub and verifier hash the tree themselves
    Row("another domain", another_domain, "batch_epoch_wrong", "", ANOTHER),  # (b)
    Row("another epoch", another_epoch, "batch_epoch_wrong", "", ANOTHER),  # (b)
)
"""(a) a wrap of a section key says nothing to a hub, which has no key; (b) a recipient reads no tokens."""

WHERE: Mapping[str, str] = {
    "batch": "batch_pk = (SELECT batch_pk FROM batch WHERE agency = 'police' AND sequence = 2)",
    "record": "record_pk = (SELECT record_pk FROM header WHERE batch_pk = 2 AND position = 0)",
}
EDITS: Mapping[str, str] = {
    "gap": "DELETE FROM batch WHERE $batch",
    "recipient stripped": "DELETE FROM kek WHERE $batch",
    "recipient added": "INSERT INTO kek SELECT batch_pk, 'customs', key_id, sealed FROM kek WHERE $batch",
    "batch truncated": "DELETE FROM header WHERE position = 1 AND $batch",
    "section truncated": "UPDATE section SET ciphertext = substr(ciphertext, 2) WHERE $record",
    "sections swapped": "UPDATE section SET ciphertext = (SELECT ciphertext FROM section AS other"
    " WHERE other.record_pk = section.record_pk AND other.name != section.name) WHERE $record",
    "wrap of another section": "UPDATE section_wrap SET wrapped = (SELECT wrapped FROM section_wrap AS other"
    " WHERE other.record_pk = section_wrap.record_pk AND other.name = 'source') WHERE name = 'identity'"
    " AND $record",
    "wrap of another record": "UPDATE section_wrap SET wrapped = (SELECT wrapped FROM section_wrap AS other"
    " WHERE other.record_pk = section_wrap.record_pk + 1 AND other.name = section_wrap.name) WHERE $record",
    "wrap to another recipient": "UPDATE kek SET key_id = zeroblob(32) WHERE $batch",
    "wrap of another batch": "UPDATE kek SET sealed = (SELECT sealed FROM kek AS other"
    " WHERE other.batch_pk = kek.batch_pk + 1) WHERE $batch",
    "another domain": "UPDATE batch SET domain = 'nowhere' WHERE $batch",
    "another epoch": "UPDATE batch SET epoch = 2 WHERE $batch",
    "downgraded classification": "UPDATE header SET header = :header WHERE position = 0 AND $batch",
    "changed header field": "UPDATE header SET header = :header WHERE position = 0 AND $batch",
}
"""What an editor of the database does; for other rows it puts the statement of the mutation in its place."""
STATEMENT = "UPDATE batch SET statement = :statement WHERE $batch"


@pytest.fixture(scope="module")
def parties(
    tmp_path_factory: pytest.TempPathFactory, embedded: EmbeddedEngine, bundle: Bundle
) -> Iterator[Parties]:
    with hub_kit(tmp_path_factory.mktemp("hub"), embedded, bundle) as kit:
        register_hub(kit)
        yield Parties(kit, kit.agency(POLICE), kit.agency(RECIPIENT), kit.agency(CUSTOMS))


def held(parties: Parties) -> dict[str, int]:
    with parties.hub.core.database.read() as tx:
        return dict(records.counts(tx))


def test_unchanged_it_is_taken_and_read(parties: Parties) -> None:
    one, before = parties.fresh(), held(parties).get(POLICE, 0)
    assert submitted(parties, one, POLICE) == ("", ())
    assert held(parties)[POLICE] == before + 2
    for section, plain in PLAIN.items():
        assert read(parties.hub, parties.intelligence, POLICE, replace(one, section=section)) == plain


def submitted(parties: Parties, one: Envelope, by: str) -> tuple[str, tuple[tuple[int, str], ...]]:
    """The code of the batch, and those of records."""
    agency = parties.hub.agencies[by]
    receipt = parties.hub.receipt(parties.hub.core.intake.receive(one.batch, agency.identity))
    if receipt.consumed:
        agency.took(one.batch)
    return receipt.code, tuple((row.index, row.code) for row in receipt.refusals)


@pytest.mark.parametrize("row", [row for row in MATRIX if row.hub], ids=lambda row: row.name)
def test_the_hub_stores_nothing_of_it(parties: Parties, row: Row) -> None:
    good = parties.fresh()
    assert submitted(parties, good, POLICE) == ("", ())  # so that there is a number before it
    before = held(parties)
    bad = row.change(parties.fresh(), parties)
    code, refused = submitted(parties, bad, row.by)
    if row.one:
        others = [at for at in range(len(bad.batch.records)) if at not in dict(refused)]
        assert (code, dict(refused)[0]) == ("", row.hub)
        assert held(parties).get(row.by, 0) == before.get(row.by, 0) + len(others)
        stolen = decode_header(bad.batch.records[0].header).record_id
        with parties.hub.core.database.read() as tx:
            assert records.revisions(tx, row.by, [stolen]) == {}
    else:
        assert (code, refused) == (row.hub, ())
        assert held(parties) == before


@pytest.mark.parametrize("row", [row for row in MATRIX if row.recipient], ids=lambda row: row.name)
def test_the_recipient_opens_nothing_of_it(parties: Parties, row: Row) -> None:
    shown = row.change(parties.fresh(), parties)
    with pytest.raises(PasserelleError) as refused:
        read(parties.hub, parties.intelligence, POLICE, shown)
    assert refused.value.code == row.recipient


@dataclass
class Held:
    """A hub that took three batches, its database, the second envelope."""

    parties: Parties
    file: Path
    envelope: Envelope


@pytest.fixture(scope="module")
def base(
    tmp_path_factory: pytest.TempPathFactory, embedded: EmbeddedEngine, bundle: Bundle
) -> Iterator[Held]:
    folder = tmp_path_factory.mktemp("held")
    with hub_kit(folder, embedded, bundle) as kit:
        register_hub(kit)
        parties = Parties(kit, kit.agency(POLICE), kit.agency(RECIPIENT), kit.agency(CUSTOMS))
        batches: list[Envelope] = []
        for _ in range(3):
            batches.append(parties.fresh())
            assert submitted(parties, batches[-1], POLICE) == ("", ())
        kit.beat()
        exported(kit, folder / "export")
        yield Held(parties, folder / "hub.db", batches[1])


@pytest.mark.parametrize("row", [row for row in MATRIX if row.verifier], ids=lambda row: row.name)
def test_the_offline_verifier_names_it(base: Held, tmp_path: Path, row: Row) -> None:
    copy = tmp_path / "copy.db"
    bad = row.change(base.envelope, base.parties).batch
    values = {"statement": encode_signed(bad.signed), "header": bad.records[0].header}
    with closing(sqlite3.connect(base.file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        assert target.execute(Template(EDITS.get(row.name, STATEMENT)).substitute(WHERE), values).rowcount
        target.commit()
    assert row.verifier in named(base.parties.hub, copy, tmp_path / "export")


def named(hub: HubKit, file: Path, folder: Path) -> str:
    """The first false thing that the verifier names."""
    database = Database(f"sqlite:///{file}")
    try:
        Exporter(database, HUB).write(folder)
        with pytest.raises(PasserelleError, match="log_false") as refused:
            verify_export(folder, hub.registry_key.public, 0)
    finally:
        database.close()
    return refused.value.detail or ""


def test_unedited_nothing_is_named(base: Held, tmp_path: Path) -> None:
    folder = exported(base.parties.hub, tmp_path / "export")
    assert verify_export(folder, base.parties.hub.registry_key.public, 0).batches == 3
