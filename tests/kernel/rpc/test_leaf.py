"""Renewal of a leaf: when, what is trusted of the answer, and every crash between two files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from passerelle.certificate import Usage, read_chain
from passerelle.clock import DAY, ManualClock
from passerelle.csr import key_pem, make_request, new_key
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.keyfile import KeyKind, write_key, write_private
from passerelle.renewal import verify_renewal
from passerelle.rpc.leaf import LeafFiles, Renewal
from passerelle.rpc.status import peer_errors
from passerelle.sign import Signed, SigningKey
from passerelle_connector.lines import Lines
from passerelle_pki.authority import Authority
from passerelle_pki.ceremony import create_authority

DOMAIN = "police.example"
PKI = Identity(DOMAIN, Role.PKI, "authority")
POLICE = Identity(DOMAIN, Role.CONNECTOR, "police")
CUSTOMS = Identity(DOMAIN, Role.CONNECTOR, "customs")
MANIFEST_KEY = SigningKey.generate()


@dataclass
class Enrolment:
    """The authority's port: issues, fails, or answers with something else."""

    authority: Authority
    clock: ManualClock
    refusal: str = ""
    answer: bytes = b""
    asked: int = 0

    async def renew(self, signed: Signed) -> bytes:
        self.asked += 1
        if self.refusal:
            raise PasserelleError(self.refusal, "by the test")
        request = verify_renewal(signed, MANIFEST_KEY.public)
        assert (request.authority, request.identity, request.at) == (PKI, POLICE, self.clock.now())
        chain = self.authority.issue_leaf(request.identity, request.request.encode(), request.usage)
        return self.answer or chain

    async def status(self) -> tuple[str, int]:
        return str(PKI), self.clock.now() + 5


@dataclass
class Desk:
    """A folder with keys, an authority, a renewal."""

    files: LeafFiles
    clock: ManualClock
    authority: Authority
    port: Enrolment
    renewal: Renewal
    reopened: list[int] = field(default_factory=list)

    def install(self, identity: Identity = POLICE) -> None:
        key = new_key()
        write_private(self.files.key, key_pem(key), replace=True)
        self.files.chain.write_bytes(self.issue(key_owner=key, identity=identity))

    def issue(self, key_owner: Any = None, identity: Identity = POLICE) -> bytes:
        key = key_owner or new_key()
        return self.authority.issue_leaf(identity, make_request(key, identity, Usage.CLIENT), Usage.CLIENT)

    def serial(self) -> int:
        """The serial number of the leaf in place, whose key must be in place too."""
        return read_chain(self.files.material.read().chain)[0].serial_number


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    clock = ManualClock()
    authority = create_authority(tmp_path / "authority", DOMAIN, clock)
    keys = tmp_path / "keys"
    keys.mkdir()
    files = LeafFiles(keys / "leaf-key.pem", keys / "leaf.pem", keys / "roots.pem", keys / "manifest.key")
    files.roots.write_bytes(authority.roots)
    write_key(files.manifest_key, KeyKind.SIGNING, MANIFEST_KEY.raw)
    port = Enrolment(authority, clock)
    counter = iter(range(1, 1000))
    renewal = Renewal(
        POLICE, PKI, files, port, clock, lambda size: next(counter).to_bytes(size, "big"), lambda: 0.5
    )
    made = Desk(files, clock, authority, port, renewal)

    async def reopen() -> None:
        made.reopened.append(made.serial())

    renewal.on_renewed(reopen)
    return made


async def test_a_leaf_is_renewed_and_channels_follow(desk: Desk) -> None:
    desk.install()
    before = desk.serial()
    await desk.renewal.renew()
    assert desk.serial() != before
    assert desk.reopened == [desk.serial()]
    assert desk.files.key.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in desk.files.key.parent.iterdir()) == [
        "leaf-key.pem",
        "leaf.pem",
        "manifest.key",
        "roots.pem",
    ]


async def test_it_is_due_between_half_its_life_and_a_tenth_later(desk: Desk) -> None:
    desk.install()
    begin = desk.clock.now()
    assert 3.4 * DAY < desk.renewal.due(0.5) - begin < 3.5 * DAY
    calm = asyncio.Event()

    async def healthy() -> None:
        calm.set()

    waiting = asyncio.create_task(desk.renewal.run(healthy))
    await calm.wait()
    waiting.cancel()
    await asyncio.wait({waiting})
    assert desk.port.asked == 0
    desk.clock.advance(4 * DAY)
    await desk.renewal.run()
    assert desk.port.asked == 1


async def test_channels_that_could_not_be_opened_are_opened_later(desk: Desk) -> None:
    faults = ["tls_material_invalid"]

    async def fail_once() -> None:
        if faults:
            raise PasserelleError(faults.pop(), "by the test")

    desk.renewal.on_renewed(fail_once)
    with pytest.raises(PasserelleError, match="tls_material_invalid"):
        await desk.renewal.renew()
    desk.clock.advance(4 * DAY)
    await desk.renewal.run()
    assert len(desk.reopened) == 3


async def test_at_the_start_a_missing_or_broken_leaf_is_needed_an_expired_one_is_not(desk: Desk) -> None:
    desk.port.refusal = "peer_unavailable"
    with pytest.raises(PasserelleError, match="peer_unavailable"):
        await desk.renewal.ready()
    desk.install()
    await desk.renewal.ready()
    assert desk.port.asked == 1
    desk.clock.advance(8 * DAY)
    await desk.renewal.ready()
    assert desk.port.asked == 2
    desk.files.chain.write_bytes(desk.issue())
    with pytest.raises(PasserelleError, match="peer_unavailable"):
        await desk.renewal.ready()
    desk.port.refusal = ""
    await desk.renewal.ready()
    assert desk.serial()


@pytest.mark.parametrize("answer", ["nothing", "another key", "another identity", "another authority"])
async def test_an_answer_is_verified_before_anything_is_replaced(
    desk: Desk, tmp_path: Path, answer: str
) -> None:
    desk.install()
    before = desk.files.material.read()
    other = create_authority(tmp_path / "other", DOMAIN, desk.clock)
    desk.port.answer = {
        "nothing": b"nothing",
        "another key": desk.issue(),
        "another identity": desk.issue(identity=CUSTOMS),
        "another authority": other.issue_leaf(
            POLICE, make_request(new_key(), POLICE, Usage.CLIENT), Usage.CLIENT
        ),
    }[answer]
    with pytest.raises(PasserelleError, match="renewal_answer_invalid"):
        await desk.renewal.renew()
    assert desk.files.material.read() == before
    assert desk.reopened == []


@pytest.mark.parametrize(
    ("new_key_there", "new_chain_there", "key_renamed", "new_pair"),
    [(True, False, False, False), (True, True, False, True), (False, True, True, True)],
)
def test_a_crash_between_the_files_leaves_a_pair(
    desk: Desk, new_key_there: bool, new_chain_there: bool, key_renamed: bool, new_pair: bool
) -> None:
    desk.install()
    old = desk.serial()
    key = new_key()
    chain = desk.issue(key)
    draft = {path: path.with_name(f"{path.name}.next") for path in (desk.files.key, desk.files.chain)}
    if new_key_there:
        write_private(draft[desk.files.key], key_pem(key))
    if new_chain_there:
        draft[desk.files.chain].write_bytes(chain)
    if key_renamed:
        write_private(desk.files.key, key_pem(key), replace=True)
    desk.renewal.settle()
    assert (desk.serial() != old) == new_pair
    assert not any(path.exists() for path in draft.values())


async def test_who_answers_and_how_far_its_clock_is(desk: Desk) -> None:
    assert await desk.renewal.probe() == (str(PKI), 5)


class _Port:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel

    def use(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel


@pytest.mark.integration
async def test_ports_move_over_all_or_none() -> None:
    dialled: list[grpc.aio.Channel] = []

    def dial() -> grpc.aio.Channel:
        if len(dialled) == 3:
            raise PasserelleError("tls_material_invalid", "by the test")
        dialled.append(grpc.aio.insecure_channel("127.0.0.1:1"))
        return dialled[-1]

    lines = Lines()
    first, second = lines.connect(dial, _Port), lines.connect(dial, _Port)
    with pytest.raises(PasserelleError, match="tls_material_invalid"):
        await lines.reopen()
    assert [first.channel, second.channel] == dialled[:2]
    for channel in dialled:
        await channel.close(None)
    dialled.clear()
    lines = Lines()
    port = lines.connect(dial, _Port)
    await lines.reopen()
    assert port.channel is dialled[1]
    await lines.close()


async def test_a_call_on_a_closed_channel_is_a_fault_and_no_cancellation() -> None:
    """Otherwise closing the old channels would silently end the loops that use them."""

    async def call(action: Callable[[], None]) -> None:
        with peer_errors():
            action()
            raise asyncio.CancelledError

    with pytest.raises(PasserelleError, match="peer_unavailable"):
        await asyncio.create_task(call(lambda: None))

    def cancel_this_task() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    cancelled = asyncio.create_task(call(cancel_this_task))
    await asyncio.wait({cancelled})
    assert cancelled.cancelled()
