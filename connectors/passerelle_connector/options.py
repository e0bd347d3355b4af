"""Options that every command of the connector takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

Config = Annotated[Path, Parameter(name="--config")]
AsJson = Annotated[bool, Parameter(name="--json", negative="")]
DEFAULT: Final = Path("connector.toml")
