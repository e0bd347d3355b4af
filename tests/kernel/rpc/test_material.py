"""A role's own key and leaf: whose they are is looked at where they are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from passerelle.certificate import Usage
from passerelle.clock import SystemClock
from passerelle.csr import key_pem, make_request, new_key
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle.keyfile import write_private
from passerelle.rpc.material import FileMaterial
from passerelle_pki.ceremony import create_authority

HUB = Identity("hub.example", Role.HUB, "exchange")
TRUSTEE = Identity("hub.example", Role.TRUSTEE, "trustee-1")


@pytest.mark.parametrize(
    ("identity", "usage", "code"),
    [
        (TRUSTEE, Usage.SERVER, ""),
        (TRUSTEE, Usage.CLIENT, "certificate_names_wrong"),
        (HUB, Usage.SERVER, "tls_material_invalid"),
    ],
)
def test_a_leaf_of_another_party_or_use_is_not_read(
    tmp_path: Path, identity: Identity, usage: Usage, code: str
) -> None:
    authority, key = create_authority(tmp_path / "authority", "hub.example", SystemClock()), new_key()
    write_private(tmp_path / "leaf-key.pem", key_pem(key))
    chain = authority.issue_leaf(identity, make_request(key, identity, usage), usage)
    (tmp_path / "leaf.pem").write_bytes(chain)
    files = FileMaterial(tmp_path / "leaf-key.pem", tmp_path / "leaf.pem", TRUSTEE, Usage.SERVER)
    if not code:
        assert files.read().chain == chain
        return
    with pytest.raises(PasserelleError) as caught:
        files.read()
    assert caught.value.code == code


def test_a_chain_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PasserelleError) as caught:
        FileMaterial(tmp_path / "leaf-key.pem", tmp_path / "leaf.pem").read()
    assert caught.value.detail == "leaf.pem: No such file or directory"
