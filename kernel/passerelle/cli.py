"""The one command `passerelle`: finds each installed role's commands by entry point.

Exit codes: 0 ok, 1 failure, 2 usage, 3 denied by policy.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Final, TextIO

from cyclopts import App, CycloptsError

from passerelle.errors import PasserelleError

OK, FAILURE, USAGE, DENIED = 0, 1, 2, 3
PIPE: Final = 141
"""As a shell sees a program that the signal SIGPIPE ended."""
_DENIALS = frozenset({"PERMISSION_DENIED"})
_DISK: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
_OWN: Final = (
    ("audit", "passerelle.audit.cli:app"),
    ("doctor", "passerelle.doctor:doctor"),
    ("seal-keys", "passerelle.seal_keys:seal_keys"),
    ("token-passphrase", "passerelle.token_cli:token_passphrase"),
)
"""Commands that need no role: name, and where they are."""


def build(*, described: bool = False) -> App:
    """The command with the sub-commands of every installed role.

    Args:
        described: import them all, so that help can say what each does; otherwise one is imported when it
            is called for, which is ten times as quick.
    """
    app = App(
        name="passerelle",
        help="Secure federated data exchange.",
        version=_version,
        result_action="return_value",
    )
    for point in _points():
        app.command(point.load() if described else point.value, name=point.name)
    return app


def _points() -> Iterator[EntryPoint]:
    yield from sorted(entry_points(group="passerelle.roles"), key=lambda item: item.name)
    for name, value in _OWN:
        yield EntryPoint(name, value, "passerelle.own")


def _version() -> str:
    """Of the distribution that brought this command."""
    command = next(iter(entry_points(group="console_scripts", name="passerelle")))
    return command.dist.version if command.dist else ""


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        app = build(described=True) if sys.argv[1:] in ([], ["--help"], ["-h"]) else build()
        outcome = app(exit_on_error=False)
    except CycloptsError:
        sys.exit(USAGE)  # the library has printed what is wrong
    except PasserelleError as error:
        sys.exit(_refused(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        _silence(sys.stdout)  # whoever read us, `head` for instance, has seen enough
        sys.exit(PIPE)
    except Exception as error:
        trouble = _of_the_machine(error)
        if not trouble:  # a fault of ours, shown as it is
            raise
        sys.exit(_refused(PasserelleError("file_unusable", trouble)))
    sys.exit(outcome if isinstance(outcome, int) else OK)


def _of_the_machine(error: Exception) -> str:
    """What a file, a full disk or SQLite under it refused; empty where the error is about something else."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, OSError) and error.errno in _DISK:
        return os.strerror(error.errno)
    cause = getattr(error, "orig", None)  # SQLAlchemy, which only stores may know, wraps it
    if isinstance(cause, sqlite3.OperationalError):
        return f"SQLite: {cause} ({getattr(cause, 'sqlite_errorname', 'no code')})"
    return ""


def _silence(stream: TextIO) -> None:
    """What is left to be written goes nowhere, so that the end of the process does not complain of it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _refused(error: PasserelleError) -> int:
    """Say what is wrong, whose it is and what to do; returns the exit code."""
    sys.stderr.write(f"{error.code}: {error.spec.cause}\n")
    if error.detail:
        sys.stderr.write(f"  detail: {error.detail}\n")
    sys.stderr.write(f"  {error.spec.owner}: {error.spec.fix}\n")
    return DENIED if error.spec.status.name in _DENIALS else FAILURE
