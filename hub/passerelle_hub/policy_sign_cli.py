"""`passerelle policy`, second part: replay a bundle, sign it.

Keys are files of mode 0600; a command line names files, never secrets.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from passerelle.cli import FAILURE, OK
from passerelle.clock import SECOND, SystemClock
from passerelle.config import load
from passerelle.csr import load_key, new_key, stored_pem
from passerelle.errors import PasserelleError
from passerelle.keyfile import read_private, write_durably, write_private
from passerelle_hub.config import HubSettings
from passerelle_hub.opening import folders, signers_of
from passerelle_hub.policy.archive import pack, read_archive, read_bundle, write_archive
from passerelle_hub.policy.bundle import Bundle, load_bundle
from passerelle_hub.policy.outcome import ChangeKind
from passerelle_hub.policy.signatures import (
    SCOPE,
    Signers,
    key_id,
    public_pem,
    sign_first,
    sign_second,
    verify_first,
)
from passerelle_hub.policy.signed import examine
from passerelle_hub.policy_common_cli import HUB, AsJson, Config, hub_database, replayed, show_report
from passerelle_hub.revisions import refuse_newly_allowed

DataDir = Annotated[Path | None, Parameter(name="--data")]
Flag = Parameter(negative="")


def add_to(app: App) -> None:
    """Put the commands of this module on `passerelle policy`."""
    for name, command in (("replay", replay_), ("key", key), ("sign", sign), ("opa-config", opa_config)):
        app.command(command, name=name)


def replay_(
    *,
    against: Path,
    data: DataDir = None,
    last: int | None = None,
    since: str | None = None,
    config: Config = HUB,
    as_json: AsJson = False,
) -> int:
    """Decide past inputs again by another bundle: what is newly allowed, newly denied, obliged otherwise.

    Args:
        against: a policies directory or a bundle (.tar.gz), signed or not.
        data: the operator's own documents for a directory; those of the configuration where left out.
        last: how many decisions at most, newest first; all where neither this nor --since is given.
        since: only decisions from this time on, as 2026-11-25 or 2026-11-25T08:00 (UTC).
        config: the hub's configuration.
        as_json: print the report as JSON.
    """
    settings = load(HubSettings, config)
    bundle = _bundle(against, data, settings)
    with hub_database(settings) as database:
        report = replayed(settings, database, bundle, last=last, since=_time(since) if since else 0)
    if as_json:
        print(json.dumps(report.as_json(), indent=2))
    else:
        show_report(report)
    return FAILURE if report.unanswered else OK


def key(private: Path, /) -> None:
    """Make a signer's key: FILE (mode 0600, stays with its person) and FILE.pub (for hub.toml and OPA).

    Args:
        private: where the private key goes; an existing file is left alone.
    """
    made = new_key()
    write_private(private, stored_pem(made))
    public = private.with_name(f"{private.name}.pub")
    write_durably(public, public_pem(made.public_key()), mode=0o644)
    print(f"key {key_id(made.public_key())}\nprivate: {private}\npublic: {public}")


def sign(
    source: Path,
    /,
    *,
    key: Annotated[Path, Parameter(name="--key")],
    out: Path | None = None,
    data: DataDir = None,
    approve_newly_allowed: Annotated[bool, Flag] = False,
    config: Config = HUB,
    last: int | None = None,
) -> int:
    """Sign: the first person a policies directory, which becomes a bundle; the second person that bundle.

    The second person sees what the bundle changes for past decisions before their key is used.

    Args:
        source: a policies directory (first signature) or a bundle with a first signature.
        key: the signer's private key, mode 0600.
        out: where the bundle goes; needed for the first signature, in place for the second.
        data: the operator's own documents, for the first signature.
        approve_newly_allowed: second signature: what was denied and would be allowed is meant.
        config: the hub's configuration, which names the signers; for the second signature.
        last: second signature: how many decisions to replay, all where left out.
    """
    signer = load_key(read_private(key))
    if source.is_dir():
        if out is None:
            raise PasserelleError("config_invalid", "--out names the bundle of the first signature")
        files = pack(source, data)
        bundle = read_bundle(files)
        examine(bundle)
        signed = sign_first(files, signer, SystemClock().now())
        write_durably(out, write_archive(signed), mode=0o644, replace=True)
        print(f"first signature by key {key_id(signer.public_key())}\nrevision {bundle.revision}\n{out}")
        return OK
    settings = load(HubSettings, config)
    files, signers = read_archive(source.read_bytes()), signers_of(settings)
    first, _ = verify_first(files, signers)
    own = signers.persons.get(key_id(signer.public_key()))
    if own is None:
        raise PasserelleError("policy_signer_unknown", f"key {key_id(signer.public_key())}")
    if own == first:
        raise PasserelleError("policy_signers_same", own)
    bundle = read_bundle(files)
    examine(bundle)
    with hub_database(settings) as database:
        report = replayed(settings, database, bundle, last=last)
    show_report(report)
    refuse_newly_allowed(report, approved=approve_newly_allowed)
    figures = {"decisions": report.decisions, **{kind.value: report.count(kind) for kind in ChangeKind}}
    done = sign_second(files, signer, figures=figures, newly_allowed=approve_newly_allowed)
    write_durably(out or source, write_archive(done), mode=0o644, replace=True)
    print(f"signed by {first} and {own}\nrevision {bundle.revision}\n{out or source}")
    return OK


def opa_settings(listen: str, signers: Signers) -> dict[str, Any]:
    """The configuration of an OPA server that fetches its bundle from `listen` and verifies it."""
    pems = {name: public_pem(value).decode() for name, value in sorted(signers.keys.items())}
    return {
        "services": {"hub": {"url": f"http://{listen}"}},
        "keys": {name: {"algorithm": "ES256", "key": pem} for name, pem in pems.items()},
        "bundles": {
            "passerelle": {
                "service": "hub",
                "resource": "passerelle.tar.gz",
                "polling": {"min_delay_seconds": 1, "max_delay_seconds": 1},
                "signing": {"scope": SCOPE},
            }
        },
    }


def opa_config(*, config: Config = HUB) -> None:
    """Print the configuration of the OPA server beside this hub: where its bundle is, whose keys verify it.

    Args:
        config: the hub's configuration; `[policy] bundle_listen` must be set.
    """
    settings = load(HubSettings, config)
    listen, signers = settings.policy.bundle_listen, signers_of(settings)
    if not listen or not signers.keys:
        raise PasserelleError("config_invalid", "[policy] bundle_listen and [policy.signers]")
    print(json.dumps(opa_settings(listen, signers), indent=2))


def _bundle(source: Path, data: Path | None, settings: HubSettings) -> Bundle:
    if source.is_dir():
        return load_bundle(source, data or folders(settings)[1])
    try:
        return read_bundle(read_archive(source.read_bytes()))
    except OSError as error:
        raise PasserelleError("policy_bundle_invalid", f"{source.name}: {error.strerror}") from error


def _time(text: str) -> int:
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise PasserelleError("config_invalid", "--since: a date or time in ISO 8601") from error
    aware = given if given.tzinfo else given.replace(tzinfo=UTC)
    return int(aware.timestamp()) * SECOND
