"""`passerelle doctor`: every installed role looks at its own set-up, and says what to do.

Roles offer their checks by entry point (`passerelle.checks`, see `checks`); the supervisor's are the kernel's
own. Without `--role`, each role is asked whose configuration lies in the present folder under its usual name
(`hub.toml`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from passerelle.checks import ENTRY_POINTS, Check, Checks, State, failed
from passerelle.errors import PasserelleError

WELL, UNWELL = 0, 1


def doctor(
    *,
    role: str = "",
    config: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Check clocks, keys, certificates, connections, databases and sources; exit code 1 where one fails.

    Args:
        role: only this role.
        config: the role's configuration; without it, `<role>.toml` in the present folder.
        as_json: print JSON.
    """
    found = {name: examine(name, file) for name, file in _patients(role, config).items()}
    if as_json:
        rows = [{"role": name, **asdict(check)} for name, checks in found.items() for check in checks]
        print(json.dumps(rows, indent=2))  # noqa: T201 - a command prints
    else:
        for name, checks in found.items():
            _print(name, checks)
    fails = any(check.state is State.FAIL for checks in found.values() for check in checks)
    return UNWELL if fails else WELL


def examine(role: str, config: Path) -> tuple[Check, ...]:
    """One role's findings; a configuration that cannot be read is a finding as well.

    Raises:
        PasserelleError: `config_invalid`, no such role is installed.
    """
    points = _points()
    for point in points:
        if point.name == role:
            checks: Checks = point.load()
            try:
                return tuple(checks(config))
            except PasserelleError as error:
                return (failed("configuration", error),)
    installed = ", ".join(point.name for point in points)
    raise PasserelleError("config_invalid", f"doctor: no role {role} is installed, only {installed}")


def _points() -> list[EntryPoint]:
    own = EntryPoint("supervisor", "passerelle.audit.checks:examine", ENTRY_POINTS)
    return sorted((*entry_points(group=ENTRY_POINTS), own), key=lambda point: point.name)


def _patients(role: str, config: Path | None) -> dict[str, Path]:
    if role:
        return {role: config or Path(f"{role}.toml")}
    if config is not None:
        raise PasserelleError("config_invalid", "doctor: --config needs --role")
    names = [point.name for point in _points()]
    here = {name: Path(f"{name}.toml") for name in names if Path(f"{name}.toml").is_file()}
    if not here:
        raise PasserelleError("config_invalid", "doctor: no role's TOML file lies here; see --role, --config")
    return here


def _print(role: str, checks: Iterable[Check]) -> None:
    print(role)  # noqa: T201 - a command prints
    for check in checks:
        print(f"  {check.state.value:4}  {check.name}: {check.text}")  # noqa: T201 - as above
        if check.fix:
            print(f"        {check.fix}")  # noqa: T201 - as above
