"""The demonstration as a newcomer runs it: real processes, one JSON object at the end."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from passerelle.catalogue import Tier, catalogue
from passerelle.config import load
from passerelle_connector.compose_rows import build_source
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.keys import derive
from passerelle_connector.normalise import normalise

pytestmark = pytest.mark.journey


def run_demo(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "passerelle", "demo", "--once", "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("demo") / "kept"
    return run_demo("--records", "400", "--keep", str(folder)), folder


def test_the_object_has_every_figure(played: tuple[dict[str, Any], Path]) -> None:
    figures, _ = played
    assert {
        "agencies", "records", "tokens", "links", "candidates", "notifications", "precision", "recall",
        "seconds_to_first_match", "records_per_second", "peak_memory_mb",
    } <= figures.keys()  # fmt: skip
    assert figures["agencies"] == 4
    assert figures["peak_memory_mb"] < 600


def test_the_right_agencies_learn_of_the_right_links(played: tuple[dict[str, Any], Path]) -> None:
    figures, _ = played
    assert figures["recall"] >= 0.95
    assert figures["precision"] >= 0.99
    # each notified link tells its two agencies and nobody else; first dots come on top
    told = sum(figures["notifications"].values()) - sum(figures["first_dots"].values())
    assert told == 2 * (figures["links"] - figures["candidates"])


def test_neither_database_nor_log_of_hub_or_trustees_holds_a_value(
    played: tuple[dict[str, Any], Path],
) -> None:
    _, folder = played
    kept = [*folder.glob("hub-*/*.db*"), *folder.glob("*.log"), *folder.glob("trustee-*/*.db*")]
    everything = b"\x00".join(path.read_bytes() for path in kept)
    assert len(everything) > 1_000_000
    found = 0
    for config in folder.glob("connector-*/connector.toml"):
        for row in build_source(load(ConnectorSettings, config)).records(""):
            result = normalise(getattr(row, "fields", {}))
            keys = derive(result.subject, catalogue(), frozenset({Tier.CORE, Tier.STRONG}))
            values = {key.value for key in keys}
            values |= {identifier.value.encode() for identifier in result.subject.identifiers}
            for value in (value for value in values if len(value) >= 6):
                found += value in everything or hashlib.sha256(value).digest()[:16] in everything
    assert found == 0


def test_every_trustee_reported_to_the_hub_what_it_evaluated(played: tuple[dict[str, Any], Path]) -> None:
    figures, folder = played
    (config,) = folder.glob("hub-*/hub.toml")
    command = [sys.executable, "-m", "passerelle", "hub", "evaluations", "--json", "--config", str(config)]
    shown = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert [row["trustee"] for row in shown["trustees"]] == ["trustee-1", "trustee-2", "trustee-3"]
    evaluated = sum(row["evaluated"] for row in shown["evaluations"])
    assert 0 < evaluated <= figures["tokens"]
    assert {row["beyond"] for row in shown["evaluations"]} == {0}


def test_candidates_of_a_published_list_are_never_notified_as_matches(tmp_path: Path) -> None:
    people = ["Abu Karim Example", "Jane Roe Specimen", "Ivan Petrovich Muster"]

    def entry(reference: str, name: str) -> str:
        names = [{"name": name, "quality": "primary"}]
        return json.dumps({"ref": reference, "kind": "person", "list": "x", "names": names})

    one, other, truth = tmp_path / "one.jsonl", tmp_path / "other.jsonl", tmp_path / "truth.csv"
    one.write_text("".join(entry(f"A{at}", name) + "\n" for at, name in enumerate(people)), "utf-8")
    other.write_text("".join(entry(f"B{at}", name.upper()) + "\n" for at, name in enumerate(people)), "utf-8")
    truth.write_text("one,other\n" + "".join(f"A{at},B{at}\n" for at in range(3)), "utf-8")
    figures = run_demo("--lists", str(one), str(other), "--truth", str(truth))
    assert figures["candidates"] == 3
    assert figures["recall"] == figures["precision"] == 1.0
    assert set(figures["notifications"].values()) == {0}
