"""A bundle as one file: what is signed, stored, activated, and served to OPA.

A `.tar.gz` with
    .manifest, data.json, *.rego, lib/*.rego          what OPA loads; the manifest names the revision
    projections/, schemas/input/, schemas/data/       what the hub needs besides, and OPA passes over
    approval.json, .signatures.json                   the two signatures, see `signatures`

The same content gives the same bytes. An archive is read with narrow limits and nothing of it touches a path
of its own choosing; the revision is computed again from the content and must be the one it names.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from passerelle.errors import PasserelleError
from passerelle_hub.policy.bundle import Bundle, load_bundle
from passerelle_hub.policy.jsonvalue import as_object

MANIFEST: Final = ".manifest"
DATA: Final = "data.json"
APPROVAL: Final = "approval.json"
SIGNATURES: Final = ".signatures.json"
MAX_BYTES: Final = 16 * 1024 * 1024
"""Largest archive, and largest content of one, in bytes; the real policies have 60 kB."""
_MAX_FILES: Final = 1_000
_NAME: Final = re.compile(
    r"(?:[a-z][a-z0-9_]*|lib/[a-z][a-z0-9_]*)\.rego"
    r"|(?:projections|schemas/input|schemas/data)/[a-z][a-z0-9_]*\.json"
    r"|data\.json|approval\.json|\.manifest|\.signatures\.json"
)

Files = dict[str, bytes]


def pack(policies_dir: Path, data_dir: Path | None = None) -> Files:
    """The files of a policies directory as a bundle, without signatures.

    Raises:
        PasserelleError: as `load_bundle`.
    """
    bundle = load_bundle(policies_dir, data_dir)
    files: Files = {module.path: module.text.encode() for module in bundle.modules}
    for folder in ("projections", "schemas/input", "schemas/data"):
        for path in sorted((policies_dir / folder).glob("*.json")):
            files[f"{folder}/{path.name}"] = path.read_bytes()
    files[MANIFEST] = canonical({**bundle.manifest, "revision": bundle.revision})
    files[DATA] = canonical(json.loads(bundle.data_json()))
    return files


def canonical(content: Mapping[str, Any]) -> bytes:
    """A JSON object with sorted keys and no blank, as it is written into an archive."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")


def write_archive(files: Mapping[str, bytes]) -> bytes:
    """The archive of some files; equal files give equal bytes."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(files[name]), 0o644
            tar.addfile(entry, io.BytesIO(files[name]))
    return gzip.compress(plain.getvalue(), mtime=0)


def read_archive(archive: bytes) -> Files:
    """The files of an archive.

    Raises:
        PasserelleError: `policy_bundle_invalid`, no archive of ours: too large, an unknown or repeated name,
            anything but a plain file.
    """
    try:
        unpacker = zlib.decompressobj(wbits=31)
        plain = unpacker.decompress(archive, MAX_BYTES + 1)
        if len(plain) > MAX_BYTES or not unpacker.eof or unpacker.unused_data:
            raise PasserelleError("policy_bundle_invalid", "the archive is cut off, too large or has a tail")
        with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as tar:
            return _files(tar)
    except (tarfile.TarError, zlib.error, EOFError, ValueError) as error:
        raise PasserelleError("policy_bundle_invalid", f"no archive: {type(error).__name__}") from error


def _files(tar: tarfile.TarFile) -> Files:
    files: Files = {}
    for entry in tar:
        content = tar.extractfile(entry) if entry.isreg() else None
        if content is None or not _NAME.fullmatch(entry.name) or entry.name in files:
            raise PasserelleError(
                "policy_bundle_invalid", f"an entry that does not belong: {entry.name[:60]}"
            )
        if len(files) == _MAX_FILES:
            raise PasserelleError("policy_bundle_invalid", f"more than {_MAX_FILES} files")
        files[entry.name] = content.read()
    return files


def read_bundle(files: Mapping[str, bytes]) -> Bundle:
    """The bundle in an archive's files.

    Raises:
        PasserelleError: as `load_bundle`; `policy_bundle_invalid` also where the revision that manifest or
            data name is not that of the content.
    """
    manifest, data = _object(files, MANIFEST), _object(files, DATA)
    named = manifest.pop("revision", None)
    reference = as_object(data.get("reference")) or {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, content in files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        (folder / MANIFEST).write_bytes(canonical(manifest))
        (folder / "data").mkdir()
        for name, document in reference.items():
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                raise PasserelleError("policy_data_invalid", "a document with an impossible name")
            (folder / "data" / f"{name}.json").write_text(json.dumps(document), "utf-8")
        bundle = load_bundle(folder)
    if named != bundle.revision or canonical(data) != canonical(json.loads(bundle.data_json())):
        raise PasserelleError("policy_bundle_invalid", "the revision it names is not that of its content")
    return bundle


def _object(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    try:
        content = as_object(json.loads(files[name]))
    except (KeyError, ValueError, RecursionError) as error:
        raise PasserelleError("policy_bundle_invalid", f"{name} is missing or no JSON") from error
    if content is None:
        raise PasserelleError("policy_bundle_invalid", f"{name} is no JSON object")
    return content
