"""The certificate matrix: whatever a caller shows that it should not, each is refused by a code of its own.

Every row goes through the hub's whole admission: a real federation of two agencies with authorities of their
own, real lists of revoked certificates, a clock that moves. What TLS itself would refuse before is here too,
since admission must not lean on it. Streams that run are cut in `test_cut_streams`, over a real connection in
`kernel/rpc/test_tls_calls.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from certificate_kit import CLIENT, CUSTOMS, POLICE, SERVER, Context, Gate, Leaf, domain
from pydantic import ValidationError

from passerelle.clock import DAY, HOUR, SECOND, ManualClock
from passerelle.config import RevocationSettings
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.registry_entry import Status
from passerelle.rpc.server import ServerLimits

PASSES = "passes"


def nothing(_gate: Gate, _serial: int) -> None:
    """The row's leaf says it all."""


@dataclass(frozen=True)
class Row:
    """What is shown, who signed it, what happens before the call, and how the call ends."""

    name: str
    code: str
    leaf: Leaf = field(default_factory=Leaf)
    signer: str = "police"
    before: Callable[[Gate, int], None] = nothing
    tls: tuple[bytes, bytes] = (b"TLSv1.3", b"X25519MLKEM768")
    shown: bool = True


def revoke(gate: Gate, serial: int) -> None:
    gate.police.revoke(serial)
    gate.take_lists()


def revoke_authority(gate: Gate, _serial: int) -> None:
    gate.police.revoke_authority()
    gate.take_lists()


def entry(**changes: object) -> Callable[[Gate, int], None]:
    def change(gate: Gate, _serial: int) -> None:
        gate.federation.accept(gate.entry(POLICE, gate.police, revision=2, **changes))

    return change


def pass_time(microseconds: int) -> Callable[[Gate, int], None]:
    return lambda gate, _serial: gate.clock.advance(microseconds)


def forget_lists(gate: Gate, _serial: int) -> None:
    gate.revocations._lists = {}


IN_CUSTOMS = Identity("customs.example", Role.CONNECTOR, "police")
AS_TRUSTEE = Identity("police.example", Role.TRUSTEE, "police")
AS_OPERATOR = Identity("police.example", Role.OPERATOR, "police")
ELSEWHERE = Identity("elsewhere.example", Role.CONNECTOR, "police")
MATRIX = (
    Row("by profile", PASSES),
    # time
    Row("expired", "certificate_expired", Leaf(begins=-8 * DAY, ends=-DAY)),
    Row("expired on an open connection", "certificate_expired", before=pass_time(7 * DAY)),
    Row("not yet valid", "certificate_not_yet_valid", Leaf(begins=HOUR, ends=2 * DAY)),
    Row("its authority's clock is five minutes ahead of ours", PASSES, Leaf(begins=0, ends=6 * DAY)),
    Row("six minutes ahead", "certificate_not_yet_valid", Leaf(begins=60 * SECOND, ends=6 * DAY)),
    Row("our clock is a week ahead", "certificate_expired", before=pass_time(7 * DAY + SECOND)),
    # whose authority
    Row("another authority of its name", "certificate_untrusted", signer="stranger"),
    Row("another agency's authority mints it", "certificate_untrusted", signer="customs"),
    Row("another agency's authority mints the name", "agency_unknown", Leaf((str(IN_CUSTOMS),)), "customs"),
    Row("a trust domain that nobody registered", "trust_domain_unknown", Leaf((str(ELSEWHERE),))),
    # names
    Row("a second URI", "certificate_names_wrong", Leaf((str(POLICE), str(CUSTOMS)))),
    Row("a DNS name beside it", "certificate_names_wrong", Leaf(dns=("police.example",))),
    Row("no URI", "certificate_name_missing", Leaf((), ("police.example",))),
    Row("no name", "certificate_name_missing", Leaf(())),
    Row("a name that is no identity", "identity_malformed", Leaf(("spiffe://police.example/police",))),
    # use
    Row("a server's leaf", "certificate_usage_wrong", Leaf(usage=(SERVER,))),
    Row("both uses", "certificate_usage_wrong", Leaf(usage=(CLIENT, SERVER))),
    Row("no use", "certificate_usage_wrong", Leaf(usage=())),
    Row("a leaf that may issue", "certificate_profile_wrong", Leaf(authority=True)),
    Row("another curve", "certificate_profile_wrong", Leaf(p384=True)),
    Row("a life of eight days", "certificate_profile_wrong", Leaf(ends=8 * DAY)),
    # role
    Row("a role its entry does not have", "role_not_allowed", Leaf((str(AS_TRUSTEE),))),
    Row("an operator of another domain", "role_not_allowed", Leaf((str(AS_OPERATOR),))),
    Row(
        "a role that may not make this call",
        "role_not_allowed",
        Leaf((str(AS_TRUSTEE),)),
        before=entry(roles=(Role.CONNECTOR, Role.TRUSTEE)),
    ),
    # standing
    Row("revoked", "certificate_revoked", before=revoke),
    Row("its issuing authority revoked", "certificate_revoked", before=revoke_authority),
    Row(
        "barred by this side",
        "certificate_revoked",
        before=lambda gate, serial: gate.revocations.bar(frozenset({("police.example", serial)})),
    ),
    Row("suspended by the registry", "agency_suspended", before=entry(status=Status.SUSPENDED)),
    Row(
        "suspended by this side",
        "agency_suspended",
        before=lambda gate, _: gate.federation.suspend(["police"]),
    ),
    Row("removed", "trust_domain_unknown", before=entry(status=Status.REMOVED)),
    # lists
    Row("a list of a day", PASSES, before=pass_time(DAY)),
    Row("a list older than a day", "revocations_stale", before=pass_time(DAY + SECOND)),
    Row("no list where one is required", "revocations_missing", before=forget_lists),
    # transport
    Row("TLS 1.2", "tls_too_weak", tls=(b"TLSv1.2", b"X25519MLKEM768")),
    Row("a classical group", "tls_too_weak", tls=(b"TLSv1.3", b"X25519")),
    Row("no certificate", "tls_too_weak", shown=False),
)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    clock = ManualClock()
    police, customs = (domain(tmp_path, name, clock) for name in ("police.example", "customs.example"))
    made = Gate(police, customs, clock)
    made.take_lists()
    return made


@pytest.mark.parametrize("row", MATRIX, ids=[row.name for row in MATRIX])
async def test_the_matrix(gate: Gate, tmp_path: Path, row: Row) -> None:
    signers = {"police": gate.police, "customs": gate.customs}
    signer = signers.get(row.signer) or domain(tmp_path / "stranger", "police.example", gate.clock)
    leaf, rest, serial = signer.mint(row.leaf)
    row.before(gate, serial)
    context = Context(leaf if row.shown else b"", rest, *row.tls)
    assert outcome(gate, context) == row.code
    assert gate.events[-1].outcome == ("opened" if row.code == PASSES else row.code)


def outcome(gate: Gate, context: Context) -> str:
    try:
        gate.open(context).check()
    except PasserelleError as error:
        return error.code
    return PASSES


async def test_what_was_verified_once_is_checked_again_with_each_message(gate: Gate) -> None:
    leaf, rest, serial = gate.police.mint(Leaf())
    call = gate.open(Context(leaf, rest))
    call.check()
    gate.police.revoke(serial)
    gate.take_lists()
    with pytest.raises(PasserelleError, match="certificate_revoked"):
        call.check()
    assert outcome(gate, Context(leaf, rest)) == "certificate_revoked"  # from the cache of chains too


CUTS = (
    ("revoked", "certificate_revoked", revoke),
    ("its issuing authority revoked", "certificate_revoked", revoke_authority),
    ("suspended by the registry", "agency_suspended", entry(status=Status.SUSPENDED)),
    ("suspended by this side", "agency_suspended", lambda gate, _: gate.federation.suspend(["police"])),
    ("removed", "agency_unknown", entry(status=Status.REMOVED)),
    ("expired", "certificate_expired", pass_time(7 * DAY)),
    ("a list older than a day", "revocations_stale", pass_time(DAY + SECOND)),
)


@pytest.mark.parametrize(("code", "before"), [cut[1:] for cut in CUTS], ids=[cut[0] for cut in CUTS])
async def test_cut_streams(gate: Gate, code: str, before: Callable[[Gate, int], None]) -> None:
    """A stream on which nothing moves ends with the next sweep, and with the code of the reason."""
    leaf, rest, serial = gate.police.mint(Leaf())
    opened = asyncio.get_running_loop().create_future()

    async def stream() -> None:
        opened.set_result(gate.open(Context(leaf, rest)))
        await asyncio.Event().wait()  # nothing moves

    running = asyncio.create_task(stream())
    call = await opened
    assert gate.keeper.sweep() == 0
    before(gate, serial)
    assert gate.keeper.sweep() == 1
    await asyncio.wait({running}, timeout=5)
    assert running.cancelled()
    with pytest.raises(PasserelleError, match=code):
        call.check()


def test_from_a_revocation_to_the_cut_it_is_less_than_a_minute() -> None:
    """A list is signed when it is asked for, asked for at least so often; then all calls are swept."""
    slowest = 20.0
    RevocationSettings(refresh_seconds=slowest)
    with pytest.raises(ValidationError):
        RevocationSettings(refresh_seconds=slowest + 0.1)
    assert slowest + ServerLimits().recheck_seconds < 60


async def test_one_agencys_list_says_nothing_of_another(gate: Gate) -> None:
    """Neither by a number that both used, nor by growing stale."""
    leaf, rest, serial = gate.police.mint(Leaf())
    gate.customs.revoke(serial)
    gate.take_lists()
    assert outcome(gate, Context(leaf, rest)) == PASSES
    gate.clock.advance(DAY + HOUR)
    fresh = gate.police.list()
    gate.revocations.accept("police.example", fresh, gate.police.roots)
    assert outcome(gate, Context(leaf, rest)) == PASSES
    other, above, _ = gate.customs.mint(Leaf((str(CUSTOMS),)))
    assert outcome(gate, Context(other, above)) == "revocations_stale"


async def test_a_stale_list_heals_by_itself(gate: Gate) -> None:
    leaf, rest, _ = gate.police.mint(Leaf())
    gate.clock.advance(DAY + HOUR)
    assert outcome(gate, Context(leaf, rest)) == "revocations_stale"
    gate.take_lists()
    assert outcome(gate, Context(leaf, rest)) == PASSES
