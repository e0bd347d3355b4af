"""Configuration: file, environment, what is refused and what the refusal says."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic_settings import SettingsConfigDict

from passerelle.config import RoleSettings, load
from passerelle.errors import PasserelleError


class Sample(RoleSettings):
    model_config = SettingsConfigDict(env_prefix="PASSERELLE_SAMPLE_")

    port: int
    name: str = "none"


def written(folder: Path, text: str | bytes) -> Path:
    file = folder / "sample.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_the_file_over_defaults_and_the_environment_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, 'port = 1\nname = "file"\n')
    monkeypatch.setenv("PASSERELLE_SAMPLE_NAME", "environment")
    settings = load(Sample, file)
    assert (settings.port, settings.name) == (1, "environment")
    assert settings.path("keys/a") == tmp_path / "keys" / "a"
    assert load(Sample, file, {"port": 2}).port == 2


@pytest.mark.parametrize("text", ["port = ", b"\xff\xfe", "", 'port = "secret-text"', "port = 1\nprot = 2\n"])
def test_a_file_that_does_not_hold_is_refused_without_its_values(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(PasserelleError) as caught:
        load(Sample, written(tmp_path, text))
    assert caught.value.code == "config_invalid"
    assert "secret-text" not in caught.value.detail


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("prot = 2\n", "port: missing, prot: no such setting, perhaps port"),
        ("port = 1\nelsewhere = 2\n", "elsewhere: no such setting"),
        (
            'port = "secret-text"',
            "port: input should be a valid integer, unable to parse string as an integer",
        ),
        ("port = 1\nname = [2]\n", "name: string_type"),
        (b"port = 1\n# \xff", "no UTF-8 at byte 11"),
    ],
)
def test_a_refusal_names_setting_and_rule(tmp_path: Path, text: str | bytes, detail: str) -> None:
    with pytest.raises(PasserelleError) as caught:
        load(Sample, written(tmp_path, text))
    assert caught.value.detail == f"sample.toml: {detail}"


def test_a_missing_file_is_named_with_its_folder(tmp_path: Path) -> None:
    with pytest.raises(PasserelleError) as caught:
        load(Sample, tmp_path / "absent.toml")
    assert caught.value.detail == f"{tmp_path / 'absent.toml'}: No such file or directory"


def test_a_file_that_is_no_toml_is_refused_by_place_and_not_by_content(tmp_path: Path) -> None:
    file = tmp_path / "hub.toml"
    for content, where in (("a = 1\nb = secret", "line 2, column 5"), ('a = "secret', "its end")):
        file.write_text(content, "utf-8")
        with pytest.raises(PasserelleError) as caught:
            load(RoleSettings, file)
        assert (caught.value.code, caught.value.detail) == ("config_invalid", f"hub.toml: no TOML at {where}")
