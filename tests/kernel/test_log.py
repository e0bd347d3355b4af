"""Logs: JSON lines that hold allow-listed fields and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import structlog

from passerelle.log import configure, get_logger


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    yield
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


def test_only_allowed_fields_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure("hub")
    get_logger("test").warning("something", code="internal", surname="never")
    line = json.loads(capsys.readouterr().err)
    assert line["dropped"] == ["surname"]
    assert (line["role"], line["source"], line["code"]) == ("hub", "test", "internal")
    assert "never" not in json.dumps(line)


def test_nothing_is_dropped_where_all_is_allowed_and_levels_count(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure("hub", "WARNING")
    get_logger("test").info("quiet")
    get_logger("test").error("loud")
    line = json.loads(capsys.readouterr().err)
    assert line["event"] == "loud"
    assert "dropped" not in line
