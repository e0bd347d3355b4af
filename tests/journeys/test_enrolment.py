"""From a running federation to a connected partner, by the commands of docs/operate/enrol.md; then revoked.
A supervisor joins the same way, by those of docs/operate/supervisor.md.

The commands are read from the page, so that page and product cannot part. What a person would carry (the
invitation, fingerprint, code and digest) is carried by the test; the source is set as the page says.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from passerelle.clock import SystemClock
from passerelle.config import load
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.foundation import open_stores
from passerelle_demo.cli import POLICIES
from passerelle_demo.parties import HUB
from passerelle_demo.processes import Processes, free_ports
from passerelle_demo.scenario import synthetic
from passerelle_demo.staging import Stage, build

pytestmark = pytest.mark.journey

GUIDE = Path(__file__).parents[2] / "docs/operate/enrol.md"
MOST_COMMANDS = 10
CUT_SECONDS = 60.0


def commands(page: Path = GUIDE) -> list[str]:
    """Every command in the page's blocks, in order."""
    blocks = re.findall(r"^```\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("passerelle ")]


def until(condition: Callable[[], bool], seconds: float = 60.0) -> float:
    started = time.monotonic()
    while time.monotonic() < started + seconds:
        if condition():
            return time.monotonic() - started
        time.sleep(0.1)
    pytest.fail(f"not within {seconds} seconds")


class Desk:
    """Runs commands of the page in one party's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def run(self, command: str, typed: str = "", **values: str) -> str:
        done = self.start(command, **values)
        out, errors = done.communicate(typed, timeout=120)
        assert done.returncode == 0, f"{command}\n{out}\n{errors}"
        return out

    def passes(self, command: str) -> bool:
        done = self.start(command)
        done.communicate(timeout=120)
        return done.returncode == 0

    def start(self, command: str, **values: str) -> subprocess.Popen[str]:
        line = command.replace("hub.example", HUB.trust_domain)
        return subprocess.Popen(
            ["/bin/sh", "-c", f"exec {line}"],
            cwd=self.folder,
            env={**self.environment, **values},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def said(out: str, word: str) -> str:
    return next(line.split(word, 1)[1].strip().split("   ")[0] for line in out.splitlines() if word in line)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    made = build(tmp_path, synthetic(20, seed=3), POLICIES, SystemClock(), batch_records=10)
    agencies = made.hub.parent / "policy-data" / "agencies.json"
    known = json.loads(agencies.read_text())
    shipped = json.loads((POLICIES / "data" / "agencies.json").read_text())["oversight"]
    agencies.write_text(json.dumps({**known, "police": next(iter(known.values())), "oversight": shipped}))
    hub = made.hub.read_text()
    made.hub.write_text(hub.replace("[revocation]", "[revocation]\nrefresh_seconds = 1"))
    return made


def operate(stage: Stage, port: int) -> Desk:
    """The operator's `pki.toml`, beside the authority that the stage made."""
    folders = [stage.hub.parent, *(path.parent for path in stage.trustees.values())]
    trustees = "".join(
        f'[[federation.trustees]]\nindex = {index}\nagency = "trustee-{index}"\naddress = "127.0.0.1:{at}"\n'
        for index, at in stage.trustee_ports.items()
    )
    group_keys = next(iter(stage.connectors.values())).parent / "group-keys.json"
    domain = load(ConnectorSettings, next(iter(stage.connectors.values()))).domain
    (stage.folder / "pki.toml").write_text(
        f'authority = "authorities/{HUB.trust_domain}"\nlisten = "127.0.0.1:{port}"\n'
        "refresh_seconds = 1\n"
        f"[publish]\nentries = {json.dumps([str(folder / 'entries') for folder in folders])}\n"
        f"revocations = {json.dumps([str(folder / 'revocations') for folder in folders])}\n"
        f'[federation]\nhub_agency = "{HUB.agency}"\nhub_address = "127.0.0.1:{stage.hub_port}"\n'
        f'group_keys = "{group_keys}"\ndomain = "{domain}"\n{trustees}'
    )
    return Desk(stage.folder)


def join(operator: Desk, newcomer: Desk, code: str, ask: str, approve: str) -> None:
    """Invitation, fingerprint, code and digest are carried; both sides' commands end well."""
    told = operator.run(code)
    invitation = re.search(r"[\w-]+\.invitation", code)
    assert invitation
    (newcomer.folder / invitation[0]).write_bytes((operator.folder / invitation[0]).read_bytes())
    joining = newcomer.start(ask, FINGERPRINT=said(told, "fingerprint"))
    assert joining.stdin is not None
    assert joining.stdout is not None
    joining.stdin.write(said(told, "code ") + "\n")
    joining.stdin.flush()
    digest = ""
    while not digest:
        line = joining.stdout.readline()
        assert line, joining.communicate()
        digest = line.split("digest", 1)[1].strip() if line.startswith("digest") else ""
    operator.run(approve, DIGEST=digest)
    out, errors = joining.communicate(timeout=120)
    assert joining.returncode == 0, out + errors


def set_source(folder: Path) -> None:
    """What the page leaves to the partner: its own rows; and that this is a trial."""
    (folder / "data").mkdir()
    with (folder / "data" / "rows.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "surname", "given", "born", "number"])
        rows.writerow(["p-1", "Invented", "Ada", "1981-03-05", "81030500197"])
    config = folder / "connector.toml"
    lists = "[[revocation.sources]]"
    written = config.read_text().replace(lists, f"[revocation]\nrequired = false\n{lists}")
    config.write_text("development_keys = true\nretry_seconds = 0.5\n" + written)


def test_the_guide_needs_at_most_ten_commands() -> None:
    assert 0 < len(commands()) <= MOST_COMMANDS


def test_from_nothing_to_a_connected_partner_and_out_again(stage: Stage, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    operator, partner = operate(stage, port), Desk(tmp_path / "partner")
    partner.folder.mkdir()
    ada, bo, authority, code, ask, approve, source, doctor, run = commands()
    with Processes(stage.folder) as processes:
        for index, path in stage.trustees.items():
            processes.start(f"trustee-{index}", ["trustee", "run", "--config", str(path)])
        processes.start("hub", ["hub", "run", "--config", str(stage.hub)])
        operator.run(ada)
        operator.run(bo)
        assert authority == "passerelle pki run"
        processes.start("pki", ["pki", "run", "--config", str(stage.folder / "pki.toml")])
        for name, at in [("pki", port), ("hub", stage.hub_port)]:
            processes.wait_for(name, at)

        join(operator, partner, code, ask, approve)
        set_source(partner.folder)
        partner.run(source)
        until(lambda: not entries_missing(stage))
        until(lambda: partner.passes(doctor))  # hub and trustees read their folders every ten seconds
        running = partner.start(run)
        try:
            settings = load(ConnectorSettings, partner.folder / "connector.toml")
            stores = open_stores(settings)
            until(lambda: stores.outbox.position().sequence > 0 and not stores.waits.all())
            serial = next(
                row["serial"]
                for row in json.loads(operator.run("passerelle pki list --json"))["certificates"]
                if row["what"].endswith("/connector/police client")
            )
            operator.run(f"passerelle pki revoke {serial} --reason test --as ada.key")
            cut = until(lambda: {wait.part for wait in stores.waits.all()} >= {"inbox"}, CUT_SECONDS)
            assert "certificate_revoked" in {wait.code for wait in stores.waits.all()}
            assert cut < CUT_SECONDS
            stores.database.close()
        finally:
            running.terminate()
            running.communicate(timeout=300)


def entries_missing(stage: Stage) -> list[Path]:
    folders = [stage.hub.parent, *(path.parent for path in stage.trustees.values())]
    return [folder for folder in folders if not (folder / "entries" / "police.entry").exists()]


def test_a_supervisor_joins_the_same_way_and_follows_the_log(stage: Stage, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    operator, supervisor = operate(stage, port), Desk(tmp_path / "supervisor")
    supervisor.folder.mkdir()
    code, ask, approve, doctor, follow = commands(GUIDE.with_name("supervisor.md"))[:5]
    with Processes(stage.folder) as processes:
        processes.start("hub", ["hub", "run", "--config", str(stage.hub)])
        for command in commands()[:2]:
            operator.run(command)
        processes.start("pki", ["pki", "run", "--config", str(stage.folder / "pki.toml")])
        for name, at in [("pki", port), ("hub", stage.hub_port)]:
            processes.wait_for(name, at)
        join(operator, supervisor, code, ask, approve)
        until(lambda: supervisor.passes(f"{follow} --once"))  # the hub reads its folder every ten seconds
        supervisor.run(doctor)
        (supervisor.folder / "keys" / "leaf.pem").unlink()
        until(lambda: supervisor.passes(f"{follow} --once"))  # the authority renews what its registry shows
        assert (supervisor.folder / "keys" / "leaf.pem").exists()
