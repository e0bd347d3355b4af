"""A trustee over loopback TLS: who may call it, what it answers, what a refusal does to the stream."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import grpc.aio
import pytest
from patience import PATIENCE

from passerelle.certificate import Usage
from passerelle.clock import DAY, SECOND, SystemClock
from passerelle.codec.signed import encode_signed
from passerelle.codec.trustee import (
    description_in,
    evaluate_answer_in,
    evaluate_request_out,
)
from passerelle.config import load
from passerelle.csr import key_pem, make_request, new_key, read_request
from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.identity import Identity, Role
from passerelle.keyfile import write_private
from passerelle.oprf.threshold import blind, combine, evaluate, finalise, request, verify
from passerelle.registry_entry import RegistryEntry, Status, sign_entry
from passerelle.rpc.channel import open_channel
from passerelle.rpc.material import MemoryMaterial, TlsBytes
from passerelle.rpc.sending import streaming
from passerelle.sign import SigningKey
from passerelle.wire.v1 import trustee_pb2 as pb
from passerelle.wire.v1 import trustee_pb2_grpc
from passerelle_pki.authority import Authority
from passerelle_pki.ceremony import create_authority
from passerelle_pki.publish import Lists
from passerelle_trustee import calls
from passerelle_trustee.ceremony import DevelopmentKeys, deal_for_development
from passerelle_trustee.cli import app, read_status
from passerelle_trustee.compose import Server, build_server
from passerelle_trustee.config import TrusteeSettings
from passerelle_trustee.share import write_shares

pytestmark = pytest.mark.integration

OVERSIGHT = Identity("oversight.example", Role.TRUSTEE, "oversight")
POLICE = Identity("police.example", Role.CONNECTOR, "police")
BUDGET = 40


@dataclass
class World:
    """One trustee of three on a port, its registry, and a caller's authority."""

    server: Server
    dealt: DevelopmentKeys
    oversight: Authority
    police: Authority
    registry: SigningKey
    entries: Path
    settings: TrusteeSettings

    def register(self, status: Status, revision: int) -> None:
        entry = RegistryEntry(
            POLICE.agency, POLICE.trust_domain, (Role.CONNECTOR,), "Police", self.police.roots, b"", status,
            revision, revision,
        )  # fmt: skip
        signed = encode_signed(sign_entry(self.registry, entry))
        (self.entries / f"police-{revision}").write_bytes(signed)
        self.server.register.refresh()

    def channel(self, caller: Identity = POLICE) -> grpc.aio.Channel:
        key = new_key()
        chain = self.police.issue_leaf(caller, make_request(key, caller, Usage.CLIENT), Usage.CLIENT)
        address = f"127.0.0.1:{self.server.listener.port}"
        material = MemoryMaterial(TlsBytes(key_pem(key), chain))
        return open_channel(address, OVERSIGHT, self.oversight.roots, material)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock, registry = SystemClock(), SigningKey.generate()
    if (left := DAY - clock.now() % DAY) < 60 * SECOND:  # budgets begin anew at midnight
        await asyncio.sleep(left / SECOND)
    oversight = create_authority(tmp_path / "oversight", OVERSIGHT.trust_domain, clock)
    police = create_authority(tmp_path / "police", POLICE.trust_domain, clock)
    dealt = deal_for_development(["ter"], groups=[Group.PHONE])
    folder = tmp_path / "trustee"
    (folder / "keys").mkdir(parents=True)
    (folder / "entries").mkdir()
    key = new_key()
    write_private(folder / "keys" / "leaf-key.pem", key_pem(key))
    leaf = oversight.issue_leaf(OVERSIGHT, make_request(key, OVERSIGHT, Usage.SERVER), Usage.SERVER)
    (folder / "keys" / "leaf.pem").write_bytes(leaf)
    (folder / "keys" / "roots.pem").write_bytes(oversight.roots)
    (folder / "registry.pub").write_bytes(registry.public.raw)
    write_shares(folder / "shares.json", dealt.books[0])
    (folder / "trustee.toml").write_text(
        f'identity = "{OVERSIGHT}"\nlisten = "127.0.0.1:0"\n[budgets]\nphone = {BUDGET}\n'
        "[revocation]\nrequired = false\n",
        "utf-8",
    )
    (folder / "revocations").mkdir()
    for name, domain in (("oversight", OVERSIGHT.trust_domain), ("police", POLICE.trust_domain)):
        listed = Lists(tmp_path / name, clock).current()
        (folder / "revocations" / f"{domain}.revocations").write_bytes(listed)
    settings = load(TrusteeSettings, folder / "trustee.toml")
    server = build_server(settings, clock)
    made = World(server, dealt, oversight, police, registry, folder / "entries", settings)
    made.register(Status.ACTIVE, 1)
    server.lists.read()  # as its first round does
    await server.listener.start()
    yield made
    await server.listener.stop(0)
    await asyncio.to_thread(server.close)


def ask(world: World, count: int = 2, quorum: tuple[int, ...] = (1, 2)) -> pb.EvaluateRequest:
    batch = blind([b"value %d" % at for at in range(count)])
    return evaluate_request_out(request(world.dealt.keys.keys[0], batch, quorum, os.urandom(16)))


async def answers(channel: grpc.aio.Channel, *requests: pb.EvaluateRequest) -> list[pb.EvaluateResponse]:
    stub: trustee_pb2_grpc.TrusteeAsyncStub = trustee_pb2_grpc.TrusteeStub(channel)

    async def stream() -> AsyncIterator[pb.EvaluateRequest]:
        for message in requests:
            yield message

    async with streaming(partial(stub.Evaluate, timeout=PATIENCE), stream()) as said:
        return [answer async for answer in said]
    raise AssertionError("a call that ended early")


async def test_an_answer_verifies_and_combines(world: World) -> None:
    info = world.dealt.keys.keys[0]
    batch = blind([b"+32470", b"+32471"])
    asked = request(info, batch, (1, 3), os.urandom(16))
    async with world.channel() as channel:
        (answer,) = await answers(channel, evaluate_request_out(asked))
    other = evaluate(world.dealt.books[2].shares[0], asked)
    verified = [verify(info, asked, evaluate_answer_in(answer)), verify(info, asked, other)]
    assert len(set(finalise(batch, combine(verified)))) == 2
    assert read_status(world.settings)["billed_today"] == [
        {"agency": "police", "group": "phone", "requests": 1, "elements": 2}
    ]


async def test_a_refused_request_does_not_end_the_stream(world: World) -> None:
    strange = ask(world)
    strange.group = "shoe_size"
    short = ask(world)
    short.elements = short.elements[:-1]
    outside = ask(world, quorum=(2, 3))
    many = ask(world, count=BUDGET)
    async with world.channel() as channel:
        found = await answers(channel, strange, short, outside, ask(world), many, ask(world))
    assert [answer.error_code for answer in found] == [
        "evaluate_request_invalid",
        "evaluate_request_invalid",
        "quorum_invalid",
        "",
        "evaluation_budget_exceeded",
        "",
    ]
    assert found[2].request_id == outside.request_id
    with pytest.raises(PasserelleError, match="quorum_invalid"):
        evaluate_answer_in(found[2])


async def test_it_describes_its_public_keys(world: World) -> None:
    async with world.channel() as channel:
        stub: trustee_pb2_grpc.TrusteeAsyncStub = trustee_pb2_grpc.TrusteeStub(channel)
        said = description_in(await stub.Describe(pb.DescribeTrusteeRequest(), timeout=PATIENCE))
    assert (said.index, said.keys) == (1, world.dealt.keys.keys)


async def test_a_suspended_agency_is_refused(world: World) -> None:
    world.register(Status.SUSPENDED, 2)
    async with world.channel() as channel:
        with pytest.raises(PasserelleError, match="agency_suspended"):
            await answers(channel, ask(world))


async def test_an_agency_without_entry_is_refused(world: World) -> None:
    async with world.channel(Identity("police.example", Role.CONNECTOR, "customs")) as channel:
        with pytest.raises(PasserelleError, match="agency_unknown"):
            await answers(channel, ask(world))


async def test_an_entry_that_does_not_verify_is_left_out(world: World) -> None:
    (world.entries / "forged").write_bytes(b"nothing")
    assert world.server.register.refresh() == 1
    assert world.server.register.refresh() == 0


def test_every_call_has_a_rule() -> None:
    services = [pb.DESCRIPTOR.services_by_name[name] for name in ("Trustee", "Ceremony")]
    methods = {f"/{service.full_name}/{method.name}" for service in services for method in service.methods}
    assert methods == set(calls.RULES)


def test_keys_are_made_once_and_status_shows_the_shares(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "trustee.toml"
    config.write_text(f'identity = "{OVERSIGHT}"\nshares = "made/trustee-1/shares.json"\n', "utf-8")
    words = ["--config", str(config)]
    with pytest.raises(PasserelleError, match="config_invalid"):
        app(
            ["ceremony", "development", str(tmp_path / "made")],
            result_action="return_value",
            exit_on_error=False,
        )
    made = ["ceremony", "development", str(tmp_path / "made"), "ter"]
    app(made, result_action="return_value", exit_on_error=False)
    app(["init", *words], result_action="return_value", exit_on_error=False)
    key = (tmp_path / "keys" / "leaf-key.pem").read_bytes()
    app(["init", *words], result_action="return_value", exit_on_error=False)
    assert (tmp_path / "keys" / "leaf-key.pem").read_bytes() == key
    asked = read_request((tmp_path / "keys" / "leaf.csr").read_bytes())
    assert (asked.identity, asked.usage) == (OVERSIGHT, Usage.SERVER)
    capsys.readouterr()
    app(["status", "--json", *words], result_action="return_value", exit_on_error=False)
    figures = json.loads(capsys.readouterr().out)
    assert (figures["index"], figures["ceremony"]) == (1, "development")
    assert len(figures["shares"]) == len(Group)
    app(["status", *words], result_action="return_value", exit_on_error=False)
    assert "development" in capsys.readouterr().out
