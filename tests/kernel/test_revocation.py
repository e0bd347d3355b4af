"""Lists of revoked certificates: who may sign one, which one is taken, and when it is too old."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from certificate_kit import Domain, Leaf, domain

from passerelle.clock import DAY, HOUR, SECOND, ManualClock
from passerelle.config import ListSource, RevocationSettings
from passerelle.errors import PasserelleError
from passerelle.federation import Federation
from passerelle.revocation import LIST_LIFETIME, MAX_LIST_BYTES, Revocations, read_list
from passerelle.rpc.lists import list_keeper

POLICE = "police.example"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def police(tmp_path: Path, clock: ManualClock) -> Domain:
    return domain(tmp_path, POLICE, clock)


def code(action: Callable[[], object]) -> str:
    with pytest.raises(PasserelleError) as caught:
        action()
    return caught.value.code


def test_a_list_is_read_under_its_own_roots(police: Domain, clock: ManualClock) -> None:
    police.revoke(7)
    found = read_list(police.list(), POLICE, police.roots, clock.now())
    assert (found.serials, found.authorities, found.trust_domain) == (frozenset({7}), frozenset(), POLICE)
    assert found.until - found.made == LIST_LIFETIME
    found.check_fresh(clock.now() + DAY)
    assert code(lambda: found.check_fresh(clock.now() + DAY + SECOND)) == "revocations_stale"


def test_nobody_else_signs_it(police: Domain, tmp_path: Path, clock: ManualClock) -> None:
    stranger = domain(tmp_path / "other", POLICE, clock)
    listed = police.list()
    authority, crl = listed[: listed.index(b"-----BEGIN X509")], listed[listed.index(b"-----BEGIN X509") :]
    for text in (
        stranger.list(),
        stranger.list() + authority,
        crl,
        authority,
        listed + crl,
        b"",
        b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
        listed + b" " * MAX_LIST_BYTES,
        authority * 9 + crl,
    ):
        refused = partial(read_list, text, POLICE, police.roots, clock.now())
        assert code(refused) == "revocations_invalid"
    leaf, _, _ = police.mint(Leaf())
    assert code(lambda: read_list(leaf + crl, POLICE, police.roots, clock.now())) == "revocations_invalid"
    assert code(lambda: read_list(listed, "Police", police.roots, clock.now())) == "identity_malformed"
    assert code(lambda: read_list(listed, POLICE, b"", clock.now())) == "certificate_malformed"


def test_a_list_from_the_future_is_refused(police: Domain, clock: ManualClock) -> None:
    clock.advance(HOUR)
    listed = police.list()
    assert code(lambda: read_list(listed, POLICE, police.roots, clock.now() - HOUR)) == "revocations_invalid"
    read_list(listed, POLICE, police.roots, clock.now() - 300 * SECOND)


def test_an_older_list_never_replaces_a_newer(police: Domain, clock: ManualClock) -> None:
    held = Revocations(clock)
    older = police.list()
    held.accept(POLICE, older, police.roots)
    clock.advance(HOUR)
    police.revoke(7)
    held.accept(POLICE, police.list(), police.roots)
    assert code(lambda: held.accept(POLICE, older, police.roots)) == "revocations_invalid"
    assert code(lambda: held.check(POLICE, 7)) == "certificate_revoked"
    assert [one.trust_domain for one in held.lists] == [POLICE]


def test_without_a_list_everybody_is_refused_unless_told_otherwise(clock: ManualClock) -> None:
    assert RevocationSettings().required
    assert code(lambda: Revocations(clock).check(POLICE, 7)) == "revocations_missing"
    Revocations(clock, required=False).check(POLICE, 7)


def test_a_folder_is_read_again_and_survives_a_restart(
    police: Domain, tmp_path: Path, clock: ManualClock
) -> None:
    federation = Federation(POLICE, police.roots)
    folder = tmp_path / "revocations"
    held = Revocations(clock, required=True)
    keeper = list_keeper(RevocationSettings(), folder, held, federation)
    keeper.read()  # no folder yet
    folder.mkdir()
    (folder / f"{POLICE}.revocations").write_bytes(police.list())
    (folder / "elsewhere.example.revocations").write_bytes(police.list())  # of nobody known
    (folder / "notes.txt").write_text("nothing")
    keeper.read()
    held.check(POLICE, 7)
    police.revoke(7)
    clock.advance(SECOND)
    (folder / f"{POLICE}.revocations").write_bytes(police.list())
    keeper.read()
    assert code(lambda: held.check(POLICE, 7)) == "certificate_revoked"
    (folder / f"{POLICE}.revocations").write_bytes(b"broken")
    keeper.read()
    assert code(lambda: held.check(POLICE, 7)) == "certificate_revoked"


@pytest.mark.integration
async def test_an_authority_that_is_away_changes_nothing(
    police: Domain, tmp_path: Path, clock: ManualClock
) -> None:
    held = Revocations(clock)
    source = ListSource(trust_domain=POLICE, address="127.0.0.1:1")
    settings = RevocationSettings(sources=(source,))
    keeper = list_keeper(settings, tmp_path / "lists", held, Federation(POLICE, police.roots))
    await keeper.round()
    assert held.lists == ()
