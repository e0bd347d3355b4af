"""Logs: JSON lines that hold allow-listed fields and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import structlog

from passerelle.errors import PasserelleError
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


def test_a_level_that_does_not_exist_is_refused() -> None:
    with pytest.raises(PasserelleError) as caught:
        configure("hub", "LOUD")
    assert caught.value.code == "config_invalid"
    assert caught.value.detail.startswith("log_level: one of DEBUG")
