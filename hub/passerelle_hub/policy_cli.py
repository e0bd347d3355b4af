"""`passerelle policy`: what a policy author and the hub operator type.

`check` and `test` are the first two steps of a policy's life: edit, check, test, replay, sign, shadow,
activate, roll back. The others stand in `policy_sign_cli` and `policy_life_cli`.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

from cyclopts import App, Parameter

from passerelle.errors import PasserelleError
from passerelle_hub import policy_life_cli, policy_sign_cli
from passerelle_hub.policy.bundle import Bundle, load_bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_hub.policy.lint import lint_bundle
from passerelle_hub.policy.rego_tests import (
    MIN_COVERAGE,
    check_opa,
    coverage_opa,
    opa_binary,
    run_embedded,
    run_opa,
)

app = App(name="policy", help="Check, test, sign and activate the policies by which the hub decides.")
policy_sign_cli.add_to(app)
policy_life_cli.add_to(app)

_DEFAULT = Path("policies")
AsJson = Annotated[bool, Parameter(name="--json", negative="")]
DataDir = Annotated[Path | None, Parameter(name="--data")]


@app.command
def check(directory: Path = _DEFAULT, /, *, data: DataDir = None, as_json: AsJson = False) -> None:
    """Parse, lint and check the data of a policies directory; exit 1 when anything is wrong.

    Args:
        directory: the policies directory.
        data: the operator's own documents, laid over the default ones.
        as_json: print the findings as JSON.
    """
    bundle = _load(directory, data, as_json=as_json)
    findings = lint_bundle(bundle)
    refusals = () if findings else _refusals(bundle)
    if as_json:
        rows = [{**asdict(item), "message": item.message, "fix": item.fix} for item in findings]
        print(json.dumps({"revision": bundle.revision, "findings": rows, "refusals": refusals}, indent=2))
    else:
        for item in findings:
            print(f"{item.path}:{item.line}: {item.rule} {item.message}\n    fix: {item.fix}")
        for refusal in refusals:
            print(refusal)
        if not findings and not refusals:
            packages = ", ".join(bundle.packages)
            print(f"ok: {packages}\npolicy revision {bundle.policy_revision}, data {bundle.data_revision}")
    if findings or refusals:
        sys.exit(1)


@app.command
def test(directory: Path = _DEFAULT, /, *, data: DataDir = None, as_json: AsJson = False) -> None:
    """Run the Rego tests on the embedded engine, and on OPA where its binary is found.

    Exits with 1 where a test fails, or where the tests reach less than 95 % of a rule file (OPA counts).

    Args:
        directory: the policies directory.
        data: the operator's own documents, laid over the default ones.
        as_json: print the results as JSON.
    """
    bundle = _load(directory, data, as_json=as_json)
    binary = opa_binary()
    try:
        results = [*run_embedded(bundle), *(run_opa(bundle, binary) if binary else ())]
        reached = coverage_opa(bundle, binary) if binary else ()
    except PasserelleError as error:
        _stop(error, as_json=as_json)
    failed = [item for item in results if not item.passed]
    low = [item for item in reached if item.percent < MIN_COVERAGE]
    if as_json:
        rows = {"results": [asdict(item) for item in results], "coverage": [asdict(item) for item in reached]}
        print(json.dumps(rows, indent=2))
    else:
        for item in failed:
            print(f"FAILED on {item.engine}: {item.name}")
        for file in low:
            missed = ", ".join(str(line) for line in file.missed)
            print(f"COVERAGE {file.path}: {file.percent} %, needed are {MIN_COVERAGE:g} %; lines {missed}")
        engines = "both engines" if binary else "the embedded engine (no opa binary found)"
        print(f"{len(results) - len(failed)} passed, {len(failed)} failed on {engines}")
        if reached:
            least = min(reached, key=lambda file: file.percent)
            print(f"coverage: at least {least.percent} % of each rule file ({least.path})")
    if failed or low or not results:
        sys.exit(1)


def _load(directory: Path, data: Path | None, *, as_json: bool) -> Bundle:
    try:
        return load_bundle(directory, data)
    except PasserelleError as error:
        _stop(error, as_json=as_json)


def _refusals(bundle: Bundle) -> tuple[str, ...]:
    """What each engine at hand says against the bundle as a whole."""
    said: list[str] = []
    engine = EmbeddedEngine(bundle)
    try:
        engine.warm()
    except PasserelleError as error:
        said.append(f"the embedded engine refuses the bundle: {error.detail}")
    finally:
        engine.close()
    binary = opa_binary()
    against = check_opa(bundle, binary) if binary else ""
    if against:
        said.append(f"opa refuses the bundle: {against}")
    return tuple(said)


def _stop(error: PasserelleError, *, as_json: bool) -> NoReturn:
    """Print an error with its detail (policies hold no record content) and exit 1."""
    if as_json:
        print(json.dumps({"error": error.code, "detail": error.detail, "fix": error.spec.fix}))
    else:
        print(f"{error.spec.public}\n    {error.detail}", file=sys.stderr)
    sys.exit(1)
