"""The bundle: everything decisions are made by, loaded, checked and given two revisions.

A policies directory holds
    .manifest                 roots of the data tree, as OPA reads it
    <package>.rego            one package per decision, `passerelle.<package>`, tests beside it
    lib/*.rego                helpers, `passerelle.lib.<name>`, that read no input
    data/<name>.json          documents, at `data.reference.<name>`
    projections/<package>.json   what a package may read
    schemas/data, schemas/input  JSON schemas of documents and of projected inputs
    golden/<package>/*.json   cases with their expected answers

The hub operator's own documents (agencies, domains, agreements...) come from a second directory; a document
there takes the place of the default one of the same name. `policy_revision` covers rules, projections,
schemas and manifest; `data_revision` the documents. Both are echoed in every answer through
`data.revision`, so that an answer by other rules or data than the active ones is recognised.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jsonschema

from passerelle.errors import PasserelleError
from passerelle_hub.policy.jsonvalue import as_object
from passerelle_hub.policy.model import OBLIGATIONS
from passerelle_hub.policy.projection import Projection, projection

_REVISION_HEX: Final = 32
_REFERENCES: Final = (
    ("agencies", "domains", "domains"),
    ("agencies", "purposes", "purposes"),
    ("agencies", "legal_bases", "legal_bases"),
    ("domains", "purposes", "purposes"),
    ("domains", "legal_bases", "legal_bases"),
    ("domains", "special_categories", "special_categories"),
    ("domains", "tiers", "tiers"),
    ("legal_bases", "purposes", "purposes"),
    ("agreements", "between", "agencies"),
)
"""(document, field, document its values must be entries of)."""


@dataclass(frozen=True, slots=True)
class Module:
    """One Rego file: its path relative to the policies directory, and its text."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """A checked bundle. `documents` is the JSON text of `data` (reference and revision)."""

    modules: tuple[Module, ...]
    tests: tuple[Module, ...]
    projections: Mapping[str, Projection]
    input_schemas: Mapping[str, Mapping[str, Any]]
    reference: Mapping[str, Any]
    manifest: Mapping[str, Any]
    policy_revision: str
    data_revision: str

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages that decide, sorted."""
        return tuple(sorted(self.projections))

    @property
    def revision(self) -> str:
        """Both revisions as one word, as an OPA bundle names itself."""
        return f"{self.policy_revision}+{self.data_revision}"

    def data_json(self) -> str:
        """The engine's `data`: `reference` and `revision`."""
        revision = {"policy_revision": self.policy_revision, "data_revision": self.data_revision}
        return json.dumps({"reference": self.reference, "revision": revision}, sort_keys=True)

    def write_opa(self, folder: Path, *, tests: bool = False) -> Path:
        """Write the bundle as a directory that `opa run -b`, `opa build -b` and `opa test -b` take.

        Returns:
            `folder`, created where absent.
        """
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".manifest").write_text(json.dumps({**self.manifest, "revision": self.revision}), "utf-8")
        (folder / "data.json").write_text(self.data_json(), "utf-8")
        for module in (*self.modules, *(self.tests if tests else ())):
            target = folder / module.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(module.text, "utf-8")
        return folder


def load_bundle(policies_dir: Path, data_dir: Path | None = None) -> Bundle:
    """Load and check a policies directory, with the operator's own documents laid over it.

    Raises:
        PasserelleError: `policy_bundle_invalid` (a folder or file is missing, or does not parse),
            `policy_data_invalid` (a document breaks its schema or names something unknown).
    """
    for folder in filter(None, (policies_dir, data_dir)):
        if not folder.is_dir():
            raise PasserelleError("policy_bundle_invalid", f"{folder}: no such folder")
    manifest = _read_json(policies_dir / ".manifest")
    rego = [_module(policies_dir, path) for path in sorted(policies_dir.rglob("*.rego"))]
    modules = tuple(module for module in rego if not module.path.endswith("_test.rego"))
    tests = tuple(module for module in rego if module.path.endswith("_test.rego"))
    projections = _read_folder(policies_dir / "projections")
    schemas = _read_folder(policies_dir / "schemas" / "input")
    packages = {module.path.removesuffix(".rego") for module in modules if "/" not in module.path}
    if not packages or packages != projections.keys() or packages != schemas.keys():
        raise PasserelleError("policy_bundle_invalid", "packages, projections and input schemas differ")
    reference = _documents(policies_dir, data_dir)
    rules = {"modules": {m.path: m.text for m in modules}, "projections": projections, "schemas": schemas}
    return Bundle(
        modules=modules,
        tests=tests,
        projections={package: projection(package, row) for package, row in projections.items()},
        input_schemas=schemas,
        reference=reference,
        manifest=manifest,
        policy_revision=_revision({**rules, "manifest": manifest}),
        data_revision=_revision(reference),
    )


def _documents(policies_dir: Path, data_dir: Path | None) -> dict[str, Any]:
    schemas = _read_folder(policies_dir / "schemas" / "data")
    documents = _read_folder(policies_dir / "data")
    if data_dir is not None:
        documents |= _read_folder(data_dir)
    if documents.keys() != schemas.keys():
        odd = ", ".join(sorted(documents.keys() ^ schemas.keys()))
        raise PasserelleError("policy_data_invalid", f"documents without schema, or missing: {odd}")
    for name, document in documents.items():
        _follow_schema(name, document, schemas[name])
    _cross_check(documents)
    return documents


def _follow_schema(name: str, document: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator(schema)
    faults: Iterator[Any] = validator.iter_errors(document)  # pyright: ignore[reportUnknownMemberType] - stub
    fault = next(faults, None)
    if fault is not None:
        place = "/".join(str(part) for part in fault.absolute_path)
        raise PasserelleError("policy_data_invalid", f"{name}.json at /{place}: breaks {fault.validator}")


def _cross_check(documents: Mapping[str, Any]) -> None:
    """What a schema cannot say: values that must be entries of another document."""
    for document, field, target in _REFERENCES:
        for name, entry in documents[document].items():
            unknown = set(entry[field]) - documents[target].keys()
            if unknown:
                detail = f"{document}.json, {name}.{field}: {', '.join(sorted(unknown))} not in {target}.json"
                raise PasserelleError("policy_data_invalid", detail)
    ranks = [level["rank"] for level in documents["classifications"].values()]
    if len(ranks) != len(set(ranks)):
        raise PasserelleError("policy_data_invalid", "classifications.json: two levels share a rank")
    for code, entry in documents["handling_codes"].items():
        for obligation in entry["obligations"]:
            if type(obligation["value"]) is not OBLIGATIONS.get(obligation["type"]):
                raise PasserelleError(
                    "policy_data_invalid", f"handling_codes.json, {code}: unknown obligation"
                )


def _module(root: Path, path: Path) -> Module:
    try:
        return Module(path.relative_to(root).as_posix(), path.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise PasserelleError("policy_bundle_invalid", f"{path.name} is not UTF-8") from error


def _read_folder(folder: Path) -> dict[str, Any]:
    return {path.stem: _read_json(path) for path in sorted(folder.glob("*.json"))}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise PasserelleError("policy_bundle_invalid", f"{path.name} is missing or no JSON") from error
    content = as_object(document)
    if content is None:
        raise PasserelleError("policy_bundle_invalid", f"{path.name} is no JSON object")
    return content


def _revision(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:_REVISION_HEX]
