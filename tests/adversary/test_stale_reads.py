"""Between a read and what is decided on it, the hub's neighbour on the same PostgreSQL commits.

`test_race` does this at random for batches; here each test stops one core right behind a read and lets the
other one work until it is done, or waits for the first. What comes of it must be what one of the two orders
would have given. Operators' commands stand for themselves: they open the database beside the hub.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from hub_kit import DOMAIN, FakeAgency, HubKit
from judgement_kit import NUMBER, judgement, linked, signed_judgement
from judgement_kit import SAME as GIVEN
from neighbour_kit import Interloper, interloping, two_hubs
from parties import MARKING, entry_of
from policy_kit import Desk, desk
from postgres_kit import Server
from query_kit import ask
from sqlalchemy import select

from passerelle.audit import names
from passerelle.clock import DAY
from passerelle.codec.signed import decode_signed, encode_signed
from passerelle.errors import PasserelleError
from passerelle.evaluation_report import REPORT_TYPE, EvaluationReport, decode_report, encode_report
from passerelle.identity import Identity, Role
from passerelle.judgement import Verdict
from passerelle.manifest import KeyEntry, issue_first
from passerelle.marking import Tlp
from passerelle.notification import NotificationKind
from passerelle.registry_entry import sign_entry
from passerelle.sign import SigningKey, sign
from passerelle_hub import clustering, settle
from passerelle_hub.compose import Core
from passerelle_hub.logbook import vouch
from passerelle_hub.match import pairs
from passerelle_hub.match.change import FURTHEST, WeightChange, encode_change
from passerelle_hub.match.signed_change import CHANGE, SCOPE, write_file
from passerelle_hub.match.trial import Trial
from passerelle_hub.match.weights import table_digest
from passerelle_hub.match.weights import weights as known_weights
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.policy.replay import Report
from passerelle_hub.policy.signatures import sign_first, sign_second
from passerelle_hub.rescoring import Rescoring
from passerelle_hub.revisions import Revisions
from passerelle_hub.store import (
    agencies,
    epochs,
    evaluations,
    judgements,
    links,
    log_store,
    marks,
    policies,
    tables,
    weights,
)
from passerelle_hub.weighing import WeightsOffice

pytestmark = pytest.mark.integration

SAME = GIVEN | NUMBER
ELSE = {name: f"somebody else {word}" for name, word in SAME.items()}
GREY = {"names in any order+birth two of three": "jan jnsn ym198002"}
HIDDEN = replace(MARKING, tlp=Tlp.RED)
YEAR = 365 * DAY


@pytest.fixture
def own(policies: Path, tmp_path: Path) -> Desk:
    """Who signs policies and weights."""
    return desk(policies, tmp_path)


@pytest.fixture
def hubs(
    tmp_path: Path, postgres: Server, engine: EmbeddedEngine, bundle: Bundle, own: Desk
) -> Iterator[tuple[HubKit, Core]]:
    """A hub and its neighbour on the same database."""
    known = ("coordination", "intelligence", "police")
    with two_hubs(tmp_path, postgres, engine, bundle, known, own.signers) as both:
        yield both


@pytest.fixture
def interloper(hubs: tuple[HubKit, Core], monkeypatch: pytest.MonkeyPatch) -> Iterator[Interloper]:
    with interloping(hubs[1].database, monkeypatch) as one:
        yield one


def taken(kit: HubKit, core: Core, agency: FakeAgency, words: dict[str, str], record_id: bytes) -> None:
    """A second revision of a record, free to be told of, that a core takes in and matches."""
    batch = agency.batch(agency.record(words, record_id=record_id, revision=2))
    assert kit.receipt(core.intake.receive(batch, agency.identity)).accepted
    agency.took(batch)
    core.settlement.settle_all()


def test_a_query_never_joins_what_two_revisions_say(
    hubs: tuple[HubKit, Core], interloper: Interloper
) -> None:
    """The first one may not be told of, the second one is of somebody else."""
    kit, neighbour = hubs
    holder, record_id = kit.agency("intelligence"), os.urandom(16)
    kit.submit(holder, holder.record(SAME, record_id=record_id, marking=HIDDEN))
    assert not ask(kit, kit.agency("police"), SAME).hit
    interloper.behind(marks, "visible", lambda: taken(kit, neighbour, holder, ELSE, record_id))
    assert not ask(kit, kit.agency("police"), SAME).hit
    interloper.result()


def test_a_first_dot_never_joins_what_two_revisions_say(
    hubs: tuple[HubKit, Core], interloper: Interloper
) -> None:
    kit, neighbour = hubs
    for name in ("intelligence", "police"):
        agency = kit.agency(name)
        kit.submit(agency, agency.record(SAME))
    kit.beat()
    third, record_id = kit.agency("coordination"), os.urandom(16)
    kit.submit(third, third.record(SAME, record_id=record_id, marking=HIDDEN))
    interloper.behind(clustering, "components", lambda: taken(kit, neighbour, third, ELSE, record_id))
    kit.beat()
    interloper.result()
    kit.beat()
    for name in ("coordination", "intelligence", "police"):
        told = [note.kind for note in kit.inbox(kit.agency(name))]
        assert NotificationKind.FIRST_DOT not in told


def test_the_newer_of_two_policies_activated_at_once_decides(
    hubs: tuple[HubKit, Core], own: Desk, interloper: Interloper
) -> None:
    kit, neighbour = hubs
    older = own.signed()
    own.edit("purposes", lambda rows: rows["sanctions"].update(title="Another title"))
    newer = own.signed()
    offices = [Revisions(core.database, core.audit, own.signers, kit.clock) for core in (kit.core, neighbour)]
    nothing: Callable[[Bundle], Report] = lambda _: Report("")  # noqa: E731 - no decision was taken yet
    interloper.behind(policies, "state", lambda: offices[1].activate(newer, nothing, "bea"), call=2)
    offices[0].activate(older, nothing, "ada")
    interloper.result()
    with kit.core.database.read() as tx:
        active = policies.state(tx).revision
        assert policies.archive(tx, active) == newer


def change(own: Desk, factor: float, at: int) -> bytes:
    """A signed change that divides the m of what `GREY` rests on."""
    m: dict[str, dict[str, float]] = {}
    for field, level in (("birth", "two_of_three"), ("surname", "swapped"), ("given", "swapped")):
        m[field] = {level: round(known_weights().chances[field][level][0] / factor, 5)}
    body = encode_change(WeightChange(table_digest(), m, 40, 10))
    files = sign_first({CHANGE: body}, own.alice, at, SCOPE)
    return write_file(sign_second(files, own.bram, figures={}, newly_allowed=True, scope=SCOPE))


def untried(_: bytes) -> Trial:
    """What a trial says where nothing is stored."""
    return Trial(0, ())


def test_the_newer_of_two_changes_of_weights_activated_at_once_counts(
    hubs: tuple[HubKit, Core], own: Desk, interloper: Interloper
) -> None:
    kit, neighbour = hubs

    offices = [
        WeightsOffice(core.database, core.audit, own.signers, kit.clock) for core in (kit.core, neighbour)
    ]
    older, newer = change(own, 2, 1_000_000), change(own, 1.5, 2_000_000)
    interloper.behind(weights, "active", lambda: offices[1].activate(newer, untried, "bea"))
    offices[0].activate(older, untried, "ada")
    interloper.result()
    with kit.core.database.read() as tx:
        assert [row.file for row in weights.listing(tx)] == [newer, older]


@pytest.mark.parametrize(("module", "name"), [(settle, "populations"), (pairs, "find")])
def test_a_batch_under_way_is_scored_by_the_weights_that_become_active(
    hubs: tuple[HubKit, Core], own: Desk, interloper: Interloper, module: ModuleType, name: str
) -> None:
    """Scoring anew goes over the matched batches once, and must not pass by this one."""
    kit, neighbour = hubs
    for at, agency in enumerate((kit.agency("intelligence"), kit.agency("police"))):
        own_words = {"national number": f"8002031234{at}", "surname+given+sex": f"jansen jan {at}"}
        kit.submit(agency, agency.record(GREY | own_words))

    def activated() -> None:
        office = WeightsOffice(neighbour.database, neighbour.audit, own.signers, kit.clock)
        office.activate(change(own, FURTHEST, 1_000_000), untried, "bea")
        anew = Rescoring(neighbour.database, neighbour.settlement.rematch)
        for _ in range(3):
            anew.catch_up(answered=True)

    interloper.behind(module, name, activated)
    kit.core.settlement.settle_all()
    interloper.result()
    with kit.core.database.read() as tx:
        assert weights.reached(tx) is None
        assert links.listing(tx) == ()


def test_a_closed_epoch_is_not_opened_by_who_read_before(
    hubs: tuple[HubKit, Core], interloper: Interloper
) -> None:
    kit, neighbour = hubs
    with kit.core.database.write() as tx:
        kit.core.epochs.announce(tx, DOMAIN, 2, "ada")

    def further() -> None:
        with neighbour.database.write() as tx:
            neighbour.epochs.open(tx, DOMAIN, 2, "bea")
            neighbour.epochs.announce(tx, DOMAIN, 3, "bea")
            neighbour.epochs.open(tx, DOMAIN, 3, "bea")
            neighbour.epochs.close(tx, DOMAIN, 2, "bea")

    interloper.behind(epochs, "held", further)
    with kit.core.database.write() as tx:
        kit.core.epochs.open(tx, DOMAIN, 2, "ada")
    with pytest.raises(PasserelleError, match="epoch_refused"):
        interloper.result()
    with kit.core.database.read() as tx:
        assert {(row.epoch, row.state) for row in epochs.every(tx)} == {(2, "open")}


def test_an_older_report_of_a_trustee_never_replaces_a_newer_one(
    hubs: tuple[HubKit, Core], interloper: Interloper
) -> None:
    kit, neighbour = hubs
    key, now = SigningKey.generate(), kit.clock.now()
    identity = Identity("trustees.example", Role.TRUSTEE, "one")
    manifest = issue_first(SigningKey.generate(), identity, KeyEntry(key.public, now, now + YEAR))
    kit.register(entry_of(identity, kit.roots, encode_signed(manifest), now))
    with neighbour.database.read() as tx:
        neighbour.registry.refresh(tx)
    first, older, newer = (
        sign(key, REPORT_TYPE, encode_report(EvaluationReport(identity.agency, now // DAY, made, ())))
        for made in (now, now + 1, now + 2)
    )
    kit.core.reports.take(identity, first)
    interloper.behind(evaluations, "report", lambda: neighbour.reports.take(identity, newer))
    kit.core.reports.take(identity, older)
    interloper.result()
    with kit.core.database.read() as tx:
        kept = evaluations.report(tx, identity.agency, now // DAY) or b""
    assert decode_report(decode_signed(kept).payload).made == now + 2


def test_an_older_entry_of_an_agency_never_replaces_a_newer_one(hubs: tuple[HubKit, Core]) -> None:
    """The command of the operator knows what stood there when it began; the hub took another one since."""
    kit, neighbour = hubs
    second, third = (
        sign_entry(kit.registry_key, kit.agency("police").entry(revision=revision)) for revision in (2, 3)
    )
    with neighbour.database.write() as tx:
        neighbour.registry.add(tx, third)
    with pytest.raises(PasserelleError, match="registry_entry_invalid"), kit.core.database.write() as tx:
        kit.core.registry.add(tx, second)
    with kit.core.database.read() as tx:
        entries = agencies.entries(tx)
    assert encode_signed(third) in entries
    assert encode_signed(second) not in entries


def test_the_log_says_last_which_entry_stands(hubs: tuple[HubKit, Core], interloper: Interloper) -> None:
    """Else a verifier would call the table false."""
    kit, neighbour = hubs
    second, third = (
        sign_entry(kit.registry_key, kit.agency("police").entry(revision=revision)) for revision in (2, 3)
    )

    def older() -> None:
        with neighbour.database.write() as tx:
            neighbour.registry.add(tx, second)

    interloper.behind(log_store, "append", older)
    with kit.core.database.write() as tx:
        kit.core.registry.add(tx, third)
    with pytest.raises(PasserelleError, match="registry_entry_invalid"):
        interloper.result()
    kit.beat()
    with kit.core.database.read() as tx:
        (last,) = log_store.newest(tx, [names.agency("police")])
        row = tx.execute(select(tables.agency).where(tables.agency.c.agency == "police")).one()
    assert last.event.vouched == vouch.agency(*row).digest


def test_one_judgement_sent_to_both_hubs_at_once_is_recorded_once(
    hubs: tuple[HubKit, Core], interloper: Interloper
) -> None:
    kit, neighbour = hubs
    police = kit.agency("police")
    link_id = linked(kit, "police", "intelligence")
    signed = signed_judgement(police, judgement(police, link_id, Verdict.CONFIRMED_JUSTIFIED))
    interloper.behind(judgements, "known", lambda: neighbour.judgements.judge(signed, police.identity))
    kit.core.judgements.judge(signed, police.identity)
    with pytest.raises(PasserelleError, match="judgement_replayed"):
        interloper.result()
    with kit.core.database.read() as tx:
        assert len(judgements.history(tx, 1)) == 1
