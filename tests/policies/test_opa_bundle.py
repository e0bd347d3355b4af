"""An OPA server that takes its rules from the hub: it verifies, and decides by the active revision only."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hub_kit import HubKit, hub_kit
from patience import PATIENCE
from policy_kit import Desk, desk, suspend_police

from passerelle.errors import PasserelleError
from passerelle_hub import facts
from passerelle_hub.following import Workshop
from passerelle_hub.opening import shadow_engine
from passerelle_hub.policy.archive import read_archive, write_archive
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.policy.model import Decision
from passerelle_hub.policy.opa import OpaAddress, OpaEngine
from passerelle_hub.policy.publish import BundleListener
from passerelle_hub.policy.replay import Report
from passerelle_hub.policy_sign_cli import opa_settings
from passerelle_hub.revisions import Revisions

pytestmark = pytest.mark.journey
ACTOR = "operator/test"


@dataclass
class Beside:
    """A hub core, its listener for bundles, and OPA beside it."""

    kit: HubKit
    desk: Desk
    office: Revisions
    listener: BundleListener

    def activate(self, archive: bytes) -> None:
        self.office.activate(archive, lambda bundle: Report(bundle.revision), ACTOR)

    def ask(self) -> Decision:
        self.kit.clock.advance(10_000_000)
        with self.kit.core.database.write() as tx:
            request = facts.admin("police", "connector", "directory.read", self.kit.clock.now())
            return self.kit.core.decisions.ask(tx, "admin", [request], "test")[0]

    def settled(self) -> Decision:
        """The first answer that is one; the denials for want of one that come before are none."""
        end = time.monotonic() + PATIENCE
        while "policy_unavailable" in (answer := self.ask()).reason_codes:
            assert time.monotonic() < end, "OPA never took the revision"
            time.sleep(0.1)
        return answer


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


@pytest.fixture
def beside(tmp_path: Path, policies: Path, bundle: Bundle, opa_binary: Path) -> Iterator[Beside]:
    own, port = desk(policies, tmp_path), free_port()
    listener = BundleListener("127.0.0.1:0")
    listener.start()
    config = tmp_path / "opa.json"
    config.write_text(json.dumps(opa_settings(f"127.0.0.1:{listener.port}", own.signers)), "utf-8")
    command = [
        str(opa_binary),
        "run",
        "--server",
        "--addr",
        f"127.0.0.1:{port}",
        "--config-file",
        str(config),
    ]
    workshop = Workshop(lambda made: OpaEngine(OpaAddress(port=port), made.revision), shadow_engine, listener)
    with (tmp_path / "opa.log").open("wb") as log:
        opa = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        with hub_kit(tmp_path, EmbeddedEngine(bundle), bundle, signers=own.signers, workshop=workshop) as kit:
            office = Revisions(kit.core.database, kit.core.audit, own.signers, kit.clock)
            yield Beside(kit, own, office, listener)
            kit.core.following.close()
    finally:
        opa.kill()
        opa.wait()
        listener.close()


def test_opa_follows_an_activation_and_decides_nothing_meanwhile(beside: Beside) -> None:
    beside.activate(beside.desk.signed())
    assert beside.settled().allow
    beside.desk.edit("agencies", suspend_police)
    beside.activate(beside.desk.signed())
    # the former revision never decided after the activation
    assert beside.settled().reason_codes == ("agency_inactive",)

    files = read_archive(beside.desk.signed())  # what two persons did not sign as it is, OPA does not load
    forged = {**files, "match.rego": files["match.rego"] + b"\n# more\n"}
    beside.listener.publish(write_archive(forged), b"\1" * 32)
    time.sleep(2.5)
    assert beside.ask().reason_codes == ("agency_inactive",)


def test_bundles_are_served_on_loopback_alone() -> None:
    for address in ("0.0.0.0:8182", "hub.example:8182", "127.0.0.1", "127.0.0.1:x"):
        with pytest.raises(PasserelleError) as refused:
            BundleListener(address)
        assert refused.value.code == "config_invalid"
