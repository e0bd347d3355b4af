"""Configuration: one TOML file per role, overridable by `PASSERELLE_*`, secrets only by file.

Order, the later wins: defaults of the model, the TOML file, environment variables
(`PASSERELLE_<ROLE>_<FIELD>`, nested fields by `__`). Paths are relative to the TOML file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from passerelle.errors import PasserelleError

_PLACE: Final = re.compile(r"line \d+, column \d+")
_UNKNOWN: Final = "extra_forbidden"
_SAYS: Final = (
    "int_",
    "float_",
    "bool_",
    "greater_than",
    "less_than",
    "literal_error",
    "enum",
    "list_",
    "dict_",
)
"""Beginnings of the library's kinds of error whose text states the rule and never the value."""


class Part(BaseModel):
    """A nested table; unknown keys are refused, since a typing error must not pass."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TlsSettings(Part):
    """A role's leaf with its chain, its key (mode 0600) and the roots of its own trust domain; PEM."""

    chain: Path = Path("keys/leaf.pem")
    key: Path = Path("keys/leaf-key.pem")
    roots: Path = Path("keys/roots.pem")


class RegistrySettings(Part):
    """The registry's public key, and a folder of signed entries read at start."""

    key: Path = Path("registry.pub")
    entries: Path = Path("entries")


class ListSource(Part):
    """The authority of a trust domain, whose list of revoked certificates is fetched at `host:port`."""

    trust_domain: str
    address: str
    agency: str = "authority"


class RevocationSettings(Part):
    """Lists of revoked certificates (`passerelle.revocation`).

    `folder` holds one `<trust domain>.revocations` each, laid there by hand, by a share, or fetched from
    `sources`; read again every `refresh_seconds`. `required`: refuse whoever's trust domain has no list; only
    a set-up for development says otherwise.
    """

    folder: Path = Path("revocations")
    required: bool = True
    refresh_seconds: Annotated[float, Field(gt=0, le=20)] = 10.0
    sources: tuple[ListSource, ...] = ()


class PkiAddress(Part):
    """The authority of our own trust domain, which renews the leaf: `host:port`, and its agency there."""

    address: str
    agency: str = "authority"


class RoleSettings(BaseSettings):
    """Base of every role's settings; unknown keys are refused, since a typing error must not pass.

    `base` is the folder that relative paths refer to.
    """

    model_config = SettingsConfigDict(extra="forbid", frozen=True, env_nested_delimiter="__")
    base: Path = Path()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - signature of the library
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - signature of the library
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - signature of the library
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment overrides the file; nothing else is read."""
        return (env_settings, init_settings)

    def path(self, value: Path | str) -> Path:
        """A configured path, made absolute."""
        return (self.base / value).absolute()


Settings = TypeVar("Settings", bound=RoleSettings)


def load(model: type[Settings], file: Path, overrides: dict[str, Any] | None = None) -> Settings:
    """Read a role's configuration.

    Raises:
        PasserelleError: `config_invalid`, naming the settings but never their values.
    """
    try:
        values = tomllib.loads(file.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))  # the rest of the text may quote the file
        where = place[0] if place else "its end"
        raise PasserelleError("config_invalid", f"{file.name}: no TOML at {where}") from error
    except OSError as error:
        raise PasserelleError("config_invalid", f"{file.absolute()}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PasserelleError("config_invalid", f"{file.name}: no UTF-8 at byte {error.start}") from error
    try:
        return model(**{"base": file.parent, **values, **(overrides or {})})
    except ValidationError as error:
        # the library's own text would show the values
        raise PasserelleError("config_invalid", f"{file.name}: {_wrong(error)}") from None


def _wrong(error: ValidationError) -> str:
    """What is wrong with which settings, without their values."""
    faults = {".".join(map(str, item["loc"])): item for item in error.errors()}
    missing = [name for name, item in faults.items() if item["type"] == "missing"]
    return ", ".join(
        f"{name}: {_said(item['type'], item['msg'])}{_perhaps(name, item['type'], missing)}"
        for name, item in sorted(faults.items())
    )


def _said(kind: str, text: str) -> str:
    if kind == "missing":
        return "missing"
    if kind == _UNKNOWN:
        return "no such setting"
    return text[:1].lower() + text[1:] if kind.startswith(_SAYS) else kind


def _perhaps(name: str, kind: str, missing: Iterable[str]) -> str:
    """A setting that is missing and is written nearly like an unknown one."""
    near = get_close_matches(name, missing, 1) if kind == _UNKNOWN else []
    return f", perhaps {near[0]}" if near else ""
