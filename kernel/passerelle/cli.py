"""The one command `passerelle`: finds each installed role's commands by entry point.

Exit codes: 0 ok, 1 failure, 2 usage, 3 denied by policy.
"""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

from cyclopts import App, CycloptsError

from passerelle.errors import PasserelleError

OK, FAILURE, USAGE, DENIED = 0, 1, 2, 3
_DENIALS = frozenset({"PERMISSION_DENIED"})


def build() -> App:
    """The command with the sub-commands of every installed role."""
    app = App(name="passerelle", help="Secure federated data exchange.", result_action="return_value")
    for point in sorted(entry_points(group="passerelle.roles"), key=lambda item: item.name):
        app.command(point.value, name=point.name)  # imported only when it is called for
    app.command("passerelle.audit.cli:app", name="audit")
    app.command("passerelle.doctor:doctor", name="doctor")
    app.command("passerelle.seal_keys:seal_keys", name="seal-keys")
    app.command("passerelle.token_cli:token_passphrase", name="token-passphrase")
    return app


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        outcome = build()(exit_on_error=False)
    except CycloptsError:
        sys.exit(USAGE)  # the library has printed what is wrong
    except PasserelleError as error:
        sys.exit(_refused(error))
    except OSError as error:
        if error.filename is None:  # not about a file that somebody named: a fault of ours, shown as it is
            raise
        sys.exit(_refused(PasserelleError("file_unusable", f"{error.filename}: {error.strerror}")))
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(outcome if isinstance(outcome, int) else OK)


def _refused(error: PasserelleError) -> int:
    """Say what is wrong, whose it is and what to do; returns the exit code."""
    sys.stderr.write(f"{error.spec.public}\n")
    if error.detail:
        sys.stderr.write(f"  detail: {error.detail}\n")
    return DENIED if error.spec.status.name in _DENIALS else FAILURE
