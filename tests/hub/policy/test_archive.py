"""A bundle as a file: the same bytes for the same content, and nothing in it that does not belong."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from passerelle.errors import PasserelleError
from passerelle_hub.policy.archive import (
    DATA,
    MANIFEST,
    MAX_BYTES,
    canonical,
    pack,
    read_archive,
    read_bundle,
    write_archive,
)
from passerelle_hub.policy.bundle import Bundle


def test_a_packed_bundle_is_the_bundle(policies: Path, bundle: Bundle) -> None:
    archive = write_archive(pack(policies))
    again = read_bundle(read_archive(archive))
    assert again.revision == bundle.revision
    assert (again.modules, again.projections, again.reference) == (
        bundle.modules,
        bundle.projections,
        bundle.reference,
    )
    assert write_archive(pack(policies)) == archive


def tar(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as file:
        for info, content in entries:
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return gzip.compress(plain.getvalue())


def link(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return info


@pytest.mark.parametrize(
    "archive",
    [
        b"",
        b"no archive",
        tar((tarfile.TarInfo("../outside.rego"), b"")),
        tar((tarfile.TarInfo("/absolute.rego"), b"")),
        tar((tarfile.TarInfo("notes.txt"), b"")),
        tar((tarfile.TarInfo("a.rego"), b"x"), (tarfile.TarInfo("a.rego"), b"y")),
        tar((link("a.rego"), b"")),
        tar((tarfile.TarInfo("a.rego"), b"x"))[:-9],
        tar((tarfile.TarInfo("a.rego"), b"x")) + b"tail",
        tar((tarfile.TarInfo("a.rego"), bytes(MAX_BYTES + 1))),
    ],
    ids=["empty", "text", "up", "absolute", "name", "twice", "link", "cut", "tail", "large"],
)
def test_what_is_no_archive_of_ours_is_refused(archive: bytes) -> None:
    with pytest.raises(PasserelleError) as refused:
        read_archive(archive)
    assert refused.value.code == "policy_bundle_invalid"


def test_a_revision_that_is_not_the_contents_is_refused(policies: Path) -> None:
    for name in (MANIFEST, DATA):
        files = pack(policies)
        content = json.loads(files[name])
        if name == MANIFEST:
            content["revision"] = "another"
        else:
            content["revision"]["policy_revision"] = "another"
        files[name] = canonical(content)
        with pytest.raises(PasserelleError) as refused:
            read_bundle(files)
        assert refused.value.code == "policy_bundle_invalid"


def test_an_unknown_field_of_the_data_is_refused(policies: Path) -> None:
    files = pack(policies)
    content = json.loads(files[DATA])
    content["reference"]["agencies"]["police"]["sees_everything"] = True
    files[DATA] = canonical(content)
    with pytest.raises(PasserelleError) as refused:
        read_bundle(files)
    assert refused.value.code == "policy_data_invalid"
