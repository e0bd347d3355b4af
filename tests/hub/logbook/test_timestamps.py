"""Checkpoints stamped by an authority outside: kept, exported, verified; one that fails is an alarm."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from audit_kit import exported
from hub_kit import HubKit
from simulator import register_hub
from tsa_kit import LocalAuthority, local_authority

from passerelle.audit.query import Query
from passerelle.audit.verify import verify_export
from passerelle.checks import Check, State
from passerelle.clock import SystemClock
from passerelle.errors import PasserelleError
from passerelle.timestamp import MAX_ANSWER_BYTES, stamped_at
from passerelle_hub.config import HubSettings, TimestampSettings
from passerelle_hub.logbook.timestamps import Ask, Due, Stamper, stamp_once
from passerelle_hub.service import Threads
from passerelle_hub.store import log_store, timestamps
from passerelle_hub.trust_checks import stamp_age


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    return local_authority(tmp_path_factory.mktemp("tsa") / "tsa")


@pytest.fixture
async def threads() -> AsyncIterator[Threads]:
    made = Threads()
    yield made
    made.close()


def stamper(hub: HubKit, ask: Ask, roots: bytes) -> Stamper:
    return Stamper(hub.core.database, hub.core.audit, hub.clock, ask, roots)


def grown(hub: HubKit) -> None:
    """A minute later, so that another checkpoint is offered."""
    hub.clock.advance(61_000_000)
    hub.beat()
    with hub.core.database.write() as tx:
        hub.core.transparency.checkpoint(tx)


def note_of(answer: Path) -> Path:
    return answer.with_suffix(".note")


def kinds(hub: HubKit) -> list[str]:
    with hub.core.database.read() as tx:
        return [one.event.kind for one in log_store.search(tx, Query("test", limit=500))]


@pytest.mark.integration
async def test_checkpoints_are_stamped_and_an_export_is_verified_by_it(
    hub: HubKit, authority: LocalAuthority, threads: Threads, tmp_path: Path
) -> None:
    register_hub(hub)
    made = stamper(hub, authority.answer, authority.roots)
    assert not await stamp_once(made, threads)  # no checkpoint yet
    for _ in range(2):
        grown(hub)
        assert await stamp_once(made, threads)
        assert not await stamp_once(made, threads)  # stamped already
    grown(hub)
    assert kinds(hub).count("checkpoint.stamped") == 2
    folder, key = exported(hub, tmp_path / "export"), hub.registry_key.public
    assert verify_export(folder, key, 0).log.timestamps == 0  # nobody said whom to believe
    assert verify_export(folder, key, 0, authority.roots).log.timestamps == 2
    other = local_authority(tmp_path / "other").roots
    first, second = sorted((folder / "timestamps").glob("*.tsr"))
    for spoil, word in (
        (lambda: verify_export(folder, key, 0, other), "timestamp_invalid"),
        (lambda: second.write_bytes(first.read_bytes()), "timestamp_invalid"),
        (lambda: second.write_bytes(b""), "timestamp_invalid"),
        (lambda: note_of(second).write_bytes(note_of(first).read_bytes()), "does not extend"),
    ):
        with pytest.raises(PasserelleError) as caught:
            spoil()
            verify_export(folder, key, 0, authority.roots)
        assert caught.value.code == "log_false" and word in caught.value.detail


@pytest.mark.integration
async def test_an_authority_that_fails_is_an_alarm_and_nothing_else(
    hub: HubKit, authority: LocalAuthority, threads: Threads
) -> None:
    def away(_: bytes) -> bytes:
        raise PasserelleError("timestamp_unavailable", "made to fail by a test")

    grown(hub)
    for ask in (away, lambda _: b"nonsense", lambda _: b"0" * (MAX_ANSWER_BYTES + 1)):
        assert not await stamp_once(stamper(hub, ask, authority.roots), threads)
    replayed = authority.answer
    old: list[bytes] = []

    def replay(request: bytes) -> bytes:
        old.append(replayed(request))
        return old[0]

    again = stamper(hub, replay, authority.roots)
    due = again.due()
    assert due is not None
    again.stamp(due)
    with pytest.raises(PasserelleError) as caught:
        again.stamp(due)  # an answer to another request
    assert caught.value.code == "timestamp_invalid"
    grown(hub)
    assert kinds(hub).count("timestamp.failed") == 3
    assert await stamp_once(stamper(hub, authority.answer, authority.roots), threads)


@pytest.mark.integration
def test_what_an_authority_says(authority: LocalAuthority, hub: HubKit) -> None:
    made = stamper(hub, authority.answer, authority.roots)
    answer, now = made.stamp(Due(1, b"a text")), SystemClock().now()
    assert abs(stamped_at(answer, b"a text", authority.roots) - now) < 60_000_000
    for text, roots, code in (
        (b"another text", authority.roots, "timestamp_invalid"),
        (b"a text", b"no roots", "certificate_malformed"),
    ):
        with pytest.raises(PasserelleError) as caught:
            stamped_at(answer, text, roots)
        assert caught.value.code == code


def test_doctor_tells_the_age_of_the_newest(hub: HubKit, database_url: str) -> None:
    def look(url: str, authority: str = "http://127.0.0.1:1") -> Check | str:
        settings = HubSettings(
            identity="spiffe://example/hub/hub",
            domains={},
            database=url,
            timestamps=TimestampSettings(authority=authority),
        )
        return stamp_age(settings, hub.clock)

    assert look(database_url, "") == "no authority is configured"
    assert look("not-there.db") == "the hub did not run yet"
    found = look(database_url)
    assert isinstance(found, Check) and found.state is State.WARN
    with hub.core.database.write() as tx:
        timestamps.put(tx, 1, hub.clock.now(), b"answer")
    assert look(database_url) == "the newest is 0 minutes old"
    hub.clock.advance(4 * 3_600_000_000)
    assert isinstance(look(database_url), Check)
