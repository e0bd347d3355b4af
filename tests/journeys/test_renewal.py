"""A connector whose leaf has expired renews it with its manifest key, and works again without a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from passerelle.certificate import Usage, read_chain, verify_peer
from passerelle.clock import DAY, SystemClock, moment
from passerelle.config import load
from passerelle.csr import load_key, make_request, read_request
from passerelle.identity import Identity
from passerelle_connector.compose import connector
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.foundation import open_stores
from passerelle_demo.cli import POLICIES
from passerelle_demo.processes import Processes, free_ports
from passerelle_demo.scenario import synthetic
from passerelle_demo.staging import Stage, build
from passerelle_pki.issuer import FileIssuer

pytestmark = pytest.mark.journey


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return build(tmp_path, synthetic(30, seed=3), POLICIES, SystemClock(), batch_records=10)


def outdate(settings: ConnectorSettings, authority: Path) -> None:
    """Replace the leaf by one that expired yesterday, as after a time offline."""
    identity = Identity.parse(settings.identity)
    key = load_key(settings.path(settings.tls.key).read_bytes())
    request = read_request(make_request(key, identity, Usage.CLIENT))
    past = SystemClock().now() - 8 * DAY
    chain = FileIssuer(authority).issue(request, x509.random_serial_number(), past)
    settings.path(settings.tls.chain).write_bytes(chain)


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        await asyncio.sleep(0.1)
    pytest.fail("not within a minute")


async def test_an_expired_leaf_is_renewed_while_the_connector_runs(stage: Stage) -> None:
    agency, (port,) = sorted(stage.connectors)[0], free_ports(1)
    settings = load(
        ConnectorSettings,
        stage.connectors[agency],
        {"pki": {"address": f"127.0.0.1:{port}"}, "retry_limit_seconds": 1.0},
    )
    domain = Identity.parse(settings.identity).trust_domain
    authority = stage.folder / "authorities" / domain
    outdate(settings, authority)
    (stage.folder / "pki.toml").write_text(
        f'authority = "authorities/{domain}"\nregistry = "registry"\nlisten = "127.0.0.1:{port}"\n'
    )
    stores = open_stores(settings)
    with Processes(stage.folder) as processes:
        for index, path in stage.trustees.items():
            processes.start(f"trustee-{index}", ["trustee", "run", "--config", str(path)])
        processes.start("hub", ["hub", "run", "--config", str(stage.hub)])
        for index, listening in stage.trustee_ports.items():
            processes.wait_for(f"trustee-{index}", listening)
        processes.wait_for("hub", stage.hub_port)
        async with connector(settings) as made:  # the authority is away: this does not stop the start
            working = asyncio.create_task(made.run())
            parts = {"source", "deliver", "inbox", "renew"}
            await until(lambda: parts <= {wait.part for wait in stores.waits.all()})
            assert stores.outbox.position().sequence == 0
            processes.start("pki", ["pki", "run", "--config", str(stage.folder / "pki.toml")])
            await asyncio.to_thread(processes.wait_for, "pki", port)
            await until(lambda: stores.outbox.position().sequence > 0)
            for other in sorted(stage.connectors)[1:]:
                async with connector(load(ConnectorSettings, stage.connectors[other])) as partner:
                    await partner.submit_once()
            await until(lambda: stores.inbox.cursor() > 0 and not stores.waits.all())
            assert not working.done()
            working.cancel()
            await asyncio.wait({working})
    stores.database.close()
    chain, now = settings.path(settings.tls.chain).read_bytes(), SystemClock().now()
    leaf = verify_peer(chain, settings.path(settings.tls.roots).read_bytes(), now, Usage.CLIENT)
    assert str(leaf.identity) == settings.identity
    assert read_chain(chain)[0].not_valid_after_utc > moment(now + 6 * DAY)
