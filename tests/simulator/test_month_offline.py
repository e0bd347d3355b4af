"""Thirty days offline on the moved clock lose nothing: rows, changes, receipts, notifications, links.

What runs out meanwhile, and what is said of it here:

- the TLS leaf, after seven days. The simulator has no sockets, so these tests say nothing of the way back
  through TLS; the last one states that the leaf is refused by then and has to be renewed first.
- keys of the manifest: signing and manifest 366 days, sealing 62 days. A sealing key replaced in time goes on
  opening what was sealed to it; nothing here depends on a key past its validity.
- the token epoch: does not change in these tests.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mapping_kit import NAMES, mapping
from simulator import Federation, Member

from passerelle.certificate import Usage, verify_peer
from passerelle.clock import DAY, ManualClock
from passerelle.codec.signed import encode_signed
from passerelle.csr import make_request, new_key
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.keyfile import KeyKind, read_key, write_key
from passerelle.manifest import KeyEntry, issue, read_manifest
from passerelle.seal import SealingKey
from passerelle.sign import SigningKey
from passerelle_connector.compose_rows import build_source
from passerelle_connector.enrol import SEALING_LIFETIME
from passerelle_connector.sources import Bookmark
from passerelle_hub.store import batches, links, notifications, records
from passerelle_pki.ceremony import create_authority

CONFIG = mapping(NAMES | {"national_number": "nrn", "phone": "phone"})
HEAD = "id,name,first,born,nrn,phone"
MONTH = 30
PEOPLE = tuple(
    f"{family},{given},19{60 + at}-0{at % 9 + 1}-1{at % 9},,"
    for at, (family, given) in enumerate(
        (family, given)
        for family in ("Peeters", "Maes", "Claes", "Wouters")
        for given in ("Anna", "Bruno", "Els")
    )
)
"""Twelve people as columns name, first, born, nrn and an empty phone."""


def join(simulated: Federation, agency: str, rows: dict[str, str]) -> Member:
    return simulated.join(agency, CONFIG, {"rows.csv": table(rows)})


def table(rows: dict[str, str]) -> bytes:
    return "\n".join((HEAD, *(f"{reference},{row}" for reference, row in rows.items()), "")).encode()


def write(member: Member, rows: dict[str, str]) -> None:
    (member.settings.base / "data" / "rows.csv").write_bytes(table(rows))


async def away(member: Member) -> None:
    """One day's work of a connector that reaches nobody at the hub."""
    with pytest.raises(PasserelleError) as caught:
        await member.submit()
    assert caught.value.code == "peer_unavailable"


def at_rest(simulated: Federation, *members: Member) -> None:
    """Every row is at the hub in its last revision, nothing waits, both chains are one."""
    with simulated.kit.core.database.read() as tx:
        counted = records.counts(tx)
        sent = notifications.last_sequences(tx)
        for member in members:
            agency = Identity.parse(member.settings.identity).agency
            items = build_source(member.settings).records("")
            references = [row.reference for row in items if not isinstance(row, Bookmark)]
            rows = member.stores.rows.known(references).values()
            assert member.stores.outbox.counts()[0] == 0
            assert set(member.stores.outbox.counts()[1]) == {"receipted"}
            assert counted[agency] == len(rows)
            ids = [row.record_id for row in rows]
            revisions = {record: at for record, (_, at) in records.revisions(tx, agency, ids).items()}
            assert revisions == {row.record_id: row.revision for row in rows}
            assert member.stores.rows.count()[1] == 0
            place, ours = batches.position(tx, agency), member.stores.outbox.position()
            assert (place.next_sequence - 1, place.previous) == (ours.sequence, ours.digest)
            assert member.stores.inbox.cursor() == sent.get(agency, 0)
            assert notifications.acknowledged(tx, agency) == sent.get(agency, 0)


@pytest.mark.trial
async def test_a_connector_without_its_hub_for_thirty_days_loses_nothing(simulated: Federation) -> None:
    rows = {"0": PEOPLE[0]}
    police = join(simulated, "police", rows)
    others = {f"X{at}": person for at, person in enumerate(PEOPLE)}
    intelligence = join(simulated, "intelligence", {"X0": others["X0"]})
    await police.submit()
    await intelligence.submit()
    simulated.beat()  # the first notification waits for the whole month

    police.hub.up = False
    for day in range(1, MONTH + 1):
        simulated.kit.clock.advance(DAY)
        rows[str(day)] = f"{PEOPLE[day % 12]}0470{day:06}"
        rows["0"] = f"{PEOPLE[0]}0471{day:06}"
        write(police, rows)
        await away(police)
        if day % 7 == 0:
            police = simulated.open("police", police.settings)
            police.hub.up = False
        write(intelligence, dict(list(others.items())[: day + 1]))
        await intelligence.submit()
        simulated.beat()
        simulated.kit.core.retention.sweep()

    police.hub.up = True
    await police.submit()
    simulated.beat()
    told, heard = await police.read_inbox(), await intelligence.read_inbox()
    at_rest(simulated, police, intelligence)
    assert police.stores.rows.known(["0"])["0"].revision == MONTH + 1
    assert {note.link_id for note in told} == {note.link_id for note in heard}
    with simulated.kit.core.database.read() as tx:
        listed = links.listing(tx)
    assert len({(link.low_record, link.high_record) for link in listed}) == len(listed)
    assert {note.link_id for note in told} == _link_ids(simulated)
    assert len(listed) == len(rows)  # every row of the month found its person


def _link_ids(simulated: Federation) -> set[bytes]:
    with simulated.kit.core.database.read() as tx:
        return {
            link.link_id
            for link in links.of_records(tx, range(1, 1_000)).values()
            if link.state == "notified"
        }


async def test_a_hub_that_was_gone_for_thirty_days_finishes_what_it_had_taken(simulated: Federation) -> None:
    police = join(simulated, "police", {"0": PEOPLE[0]})
    intelligence = join(simulated, "intelligence", {"X0": PEOPLE[0]})
    await police.submit()
    await intelligence.submit()  # receipted, and the hub is gone before its next tick
    for member in (police, intelligence):
        member.hub.up = False
    for day in range(1, MONTH + 1):
        simulated.kit.clock.advance(DAY)
        write(police, {str(at): PEOPLE[at % 12] for at in range(min(day, 11) + 1)})
        await away(police)
    for member in (police, intelligence):
        member.hub.up = True
    simulated.beat()
    await police.submit()
    await intelligence.submit()
    simulated.beat()
    told, heard = await police.read_inbox(), await intelligence.read_inbox()
    at_rest(simulated, police, intelligence)
    assert [note.link_id for note in told] == [note.link_id for note in heard]
    assert len(told) == 1


async def test_sealing_keys_replaced_meanwhile_still_open_the_old_notifications(
    simulated: Federation,
) -> None:
    police = join(simulated, "police", {"0": PEOPLE[0], "1": PEOPLE[1]})
    intelligence = join(simulated, "intelligence", {"X0": PEOPLE[0]})
    await police.submit()
    await intelligence.submit()
    simulated.beat()  # sealed to the first key
    simulated.kit.clock.advance(MONTH // 2 * DAY)
    police = rotate(simulated, police)
    write(intelligence, {"X0": PEOPLE[0], "X1": PEOPLE[1]})
    await intelligence.submit()
    simulated.beat()  # sealed to the second
    simulated.kit.clock.advance(MONTH // 2 * DAY)
    told = await police.read_inbox()
    stored = simulated.kit.core.outgoing.after(Identity.parse(police.settings.identity), 0)
    assert len(told) == 2
    assert len({note.key_id for note in stored}) == 2
    at_rest(simulated, police)


def rotate(simulated: Federation, member: Member) -> Member:
    """A second sealing key, announced by a second manifest in a second revision of the entry."""
    folder = member.settings.path(member.settings.keys)
    now, sealing = simulated.kit.clock.now(), SealingKey.generate()
    write_key(folder / "sealing-2.key", KeyKind.SEALING, sealing.raw)
    identity = Identity.parse(member.settings.identity)
    signed = simulated.kit.core.registry.signed_entry(identity.agency)
    assert signed is not None
    entry = simulated.kit.core.registry.entry(identity.agency)
    first = read_manifest(entry.manifest, identity.agency)
    second = replace(
        first,
        sequence=2,
        issued=now,
        previous=first.digest,
        sealing_keys=(*first.sealing_keys, KeyEntry(sealing.public, now, now + SEALING_LIFETIME)),
    )
    key = SigningKey(read_key(folder / "manifest.key", KeyKind.SIGNING))
    simulated.kit.register(replace(entry, revision=2, manifest=encode_signed(issue(key, second)), issued=now))
    return simulated.open(identity.agency, member.settings)


def test_the_leaf_does_not_outlast_the_month_and_is_refused(tmp_path: Path) -> None:
    clock, identity = ManualClock(), Identity("police.example", Role.CONNECTOR, "police")
    authority = create_authority(tmp_path / "authority", identity.trust_domain, clock)
    chain = authority.issue_leaf(identity, make_request(new_key(), identity, Usage.CLIENT), Usage.CLIENT)
    assert verify_peer(chain, authority.roots, clock.now(), Usage.CLIENT).identity == identity
    clock.advance(MONTH * DAY)
    with pytest.raises(PasserelleError) as refused:
        verify_peer(chain, authority.roots, clock.now(), Usage.CLIENT)
    assert refused.value.code == "certificate_expired"
