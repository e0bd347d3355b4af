"""Two persons' signatures: what passes, what is refused and by which code, and that OPA agrees."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from policy_kit import ALICE, BRAM, Desk, desk

from passerelle.csr import new_key
from passerelle.errors import PasserelleError
from passerelle_hub.policy.archive import (
    APPROVAL,
    DATA,
    SIGNATURES,
    Files,
    canonical,
    read_archive,
    write_archive,
)
from passerelle_hub.policy.signatures import (
    file_hash,
    key_id,
    load_signers,
    public_pem,
    sign_first,
    sign_second,
)
from passerelle_hub.policy.signed import examine, verify_archive


@pytest.fixture
def office(policies: Path, tmp_path: Path) -> Desk:
    return desk(policies, tmp_path)


def refusal(office: Desk, files: Files) -> str:
    with pytest.raises(PasserelleError) as refused:
        verify_archive(write_archive(files), office.signers)
    return refused.value.code


@pytest.mark.integration
def test_two_persons_signatures_pass(office: Desk) -> None:
    signed = verify_archive(office.signed(newly_allowed=True), office.signers)
    assert (signed.first, signed.second, signed.newly_allowed) == (ALICE, BRAM, True)
    assert signed.issued == office.at
    examine(signed.bundle)


def test_one_signature_is_not_enough(office: Desk) -> None:
    files = office.first()
    assert refusal(office, files) == "policy_signature_missing"
    both = office.second(files)
    assert refusal(office, {k: v for k, v in both.items() if k != APPROVAL}) == "policy_signature_missing"
    assert refusal(office, {**both, SIGNATURES: b'{"signatures": []}'}) == "policy_signature_missing"


def test_one_person_twice_is_refused(office: Desk) -> None:
    own = sign_second(office.first(), office.alice, figures={}, newly_allowed=True)
    assert refusal(office, own) == "policy_signers_same"


def test_the_first_signature_does_not_serve_as_the_second(office: Desk) -> None:
    files = office.first()
    assert refusal(office, {**files, SIGNATURES: files[APPROVAL]}) == "policy_signature_invalid"


def test_an_unknown_signer_is_refused(office: Desk) -> None:
    stranger = sign_second(office.first(), new_key(), figures={}, newly_allowed=True)
    assert refusal(office, stranger) == "policy_signer_unknown"


def test_a_file_that_nobody_signed_is_refused(office: Desk) -> None:
    files = office.second(office.first())
    assert refusal(office, {**files, "extra.rego": b"package extra"}) == "policy_file_unsigned"


def test_a_changed_file_is_refused(office: Desk) -> None:
    files = office.second(office.first())
    assert refusal(office, {**files, "match.rego": files["match.rego"] + b"\n"}) == "policy_signature_invalid"
    missing = {name: body for name, body in files.items() if name != "match.rego"}
    assert refusal(office, missing) == "policy_signature_invalid"


def altered(files: Files, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> Files:
    """The second signature with another head or body and the same raw signature."""
    head, body, raw = json.loads(files[SIGNATURES])["signatures"][0].split(".")

    def decode(part: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=="))
        return content

    first, second = decode(head), decode(body)
    change(first, second)
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (first, second)
    ]
    return {**files, SIGNATURES: json.dumps({"signatures": [".".join([*parts, raw])]}).encode()}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda head, body: body.pop("keyid"), "policy_key_id_missing"),
        (lambda head, body: head.pop("kid"), "policy_key_id_missing"),
        (lambda head, body: body.update(keyid=""), "policy_key_id_missing"),
        (lambda head, body: head.update(alg="none"), "policy_signature_invalid"),
        (lambda head, body: head.update(alg="HS256"), "policy_signature_invalid"),
        (lambda head, body: body.update(newly_allowed=True), "policy_signature_invalid"),
    ],
    ids=["no key id", "no key id in the head", "empty key id", "no algorithm", "symmetric", "claim"],
)
def test_a_tampered_signature_is_refused(
    office: Desk, change: Callable[[dict[str, Any], dict[str, Any]], None], code: str
) -> None:
    assert refusal(office, altered(office.second(office.first()), change)) == code


@pytest.mark.parametrize("token", ["", "a.b", "!.!.!", "e30.e30.AA", "W10.W10.AA"])
def test_what_is_no_signature_is_refused(office: Desk, token: str) -> None:
    files = office.second(office.first())
    broken = json.dumps({"signatures": [token]}).encode()
    assert refusal(office, {**files, SIGNATURES: broken}) in (
        "policy_signature_invalid",
        "policy_key_id_missing",
    )
    assert refusal(office, {**files, SIGNATURES: b"[" * 10_000}) == "policy_signature_invalid"


def test_a_syntax_error_is_refused_however_well_signed(office: Desk) -> None:
    with (office.policies / "match.rego").open("a", encoding="utf-8") as file:
        file.write("\nallow if {\n")
    signed = verify_archive(office.signed(), office.signers)
    with pytest.raises(PasserelleError) as refused:
        examine(signed.bundle)
    assert refused.value.code == "policy_bundle_invalid"
    assert "match.rego" in refused.value.detail


def test_fractions_are_refused_because_two_languages_write_them_differently() -> None:
    with pytest.raises(PasserelleError):
        file_hash(DATA, b'{"x": 1.50}')


def test_signers_of_a_configuration(office: Desk, tmp_path: Path) -> None:
    paths = {}
    for name, key in (("alice", office.alice), ("bram", office.bram)):
        paths[name] = tmp_path / f"{name}.pub"
        paths[name].write_bytes(public_pem(key.public_key()))
    signers = load_signers({ALICE: (paths["alice"],), BRAM: (paths["bram"],)})
    assert signers.persons == office.signers.persons
    for named in (
        {ALICE: (paths["alice"],), BRAM: (paths["alice"],)},
        {ALICE: (tmp_path / "missing.pub",)},
    ):
        with pytest.raises(PasserelleError) as refused:
            load_signers(named)
        assert refused.value.code == "config_invalid"


@pytest.mark.integration
@pytest.mark.parametrize("tampered", [False, True])
def test_opa_itself_verifies_the_second_signature(
    office: Desk, tmp_path: Path, opa_binary: Path, *, tampered: bool
) -> None:
    office.edit(
        "purposes",
        lambda rows: rows["sanctions"].update(title='Ge\u00eblde <&> \u2028 \x7f \b "q" \U0001f512'),
    )
    files = read_archive(office.signed())
    if tampered:
        content = json.loads(files[DATA])
        content["reference"]["purposes"]["sanctions"]["title"] = "another"
        files[DATA] = canonical(content)
    bundle, public = tmp_path / "bundle.tar.gz", tmp_path / "bram.pub"
    bundle.write_bytes(write_archive(files))
    public.write_bytes(public_pem(office.bram.public_key()))
    keyed = ["--verification-key", str(public), "--verification-key-id", key_id(office.bram.public_key())]
    done = subprocess.run(
        [opa_binary, "build", "--bundle", bundle, *keyed, "--scope", "passerelle", "--signing-alg", "ES256",
         "-o", tmp_path / "out.tar.gz"],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert (done.returncode == 0) is not tampered, done.stderr


def test_a_first_signature_replaces_older_ones(office: Desk) -> None:
    files = sign_first(office.second(office.first()), office.bram, 7)
    assert SIGNATURES not in files
