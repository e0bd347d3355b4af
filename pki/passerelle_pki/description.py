"""The description of a ceremony: one short YAML file that a second person reviews before anything is made.

    trust_domain: hub.example
    prepared_by: Ada Adams
    reviewed_by: Bo Brown            # somebody else
    root: {days: 3652}               # P-384, offline; at most ten years
    issuing:                         # P-384; at most two years, never past the root
      days: 730
      key: file                      # or pkcs11, or external
    pkcs11:                          # where key is pkcs11; the key is made inside the token
      module: /usr/lib/softhsm/libsofthsm2.so
      token: passerelle
      label: issuing-1
      pin_file: /etc/passerelle/pin  # mode 0600
    external_root: root.pem          # where key is external: the other authority's roots, beside this file

YAML says more than a reader sees: anchors, merges, tags, repeated keys. All of these are refused, and so is
every field that is not named above.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, cast

import yaml

from passerelle.clock import DAY
from passerelle.errors import PasserelleError
from passerelle.identity import check_trust_domain
from passerelle.token import TokenKey
from passerelle_pki.profile import ISSUING_LIFETIME, ROOT_LIFETIME

MAX_BYTES: Final = 16 * 1024
MAX_PERSON: Final = 120


class Backend(StrEnum):
    """Where the issuing key lives: a private file, a token, or with another authority."""

    FILE = "file"
    PKCS11 = "pkcs11"
    EXTERNAL = "external"


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What a ceremony makes. Lifetimes are whole days, at most those of the profile.

    Raises:
        PasserelleError: `ceremony_invalid`, `identity_malformed`.
    """

    trust_domain: str
    prepared_by: str
    reviewed_by: str
    root_days: int = ROOT_LIFETIME // DAY
    issuing_days: int = ISSUING_LIFETIME // DAY
    backend: Backend = Backend.FILE
    token: TokenKey | None = None
    external_roots: Path | None = None

    def __post_init__(self) -> None:
        check_trust_domain(self.trust_domain)
        if not 0 < self.issuing_days <= ISSUING_LIFETIME // DAY:
            raise PasserelleError("ceremony_invalid", "issuing.days")
        if not self.issuing_days <= self.root_days <= ROOT_LIFETIME // DAY:
            raise PasserelleError("ceremony_invalid", "root.days")
        if (self.token is None) is (self.backend is Backend.PKCS11):
            raise PasserelleError("ceremony_invalid", "pkcs11 goes with key: pkcs11")
        if (self.external_roots is None) is (self.backend is Backend.EXTERNAL):
            raise PasserelleError("ceremony_invalid", "external_root goes with key: external")
        people = (self.prepared_by.strip(), self.reviewed_by.strip())
        if not all(0 < len(name) <= MAX_PERSON and name.isprintable() for name in people):
            raise PasserelleError("ceremony_invalid", "prepared_by, reviewed_by")
        if people[0].casefold() == people[1].casefold():
            raise PasserelleError("ceremony_invalid", "reviewed_by is who prepared it")


def read_ceremony(file: Path) -> Ceremony:
    """The ceremony that a file describes.

    Raises:
        PasserelleError: `ceremony_invalid`, `identity_malformed`.
    """
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
        fields = _plain(raw) if len(raw) <= MAX_BYTES else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise PasserelleError("ceremony_invalid", f"{file.name}: {type(error).__name__}") from error
    if not isinstance(fields, dict):
        raise PasserelleError("ceremony_invalid", f"{file.name}: no table, or too long")
    return _Reading(file).ceremony(cast("dict[str, Any]", fields))


def read_token(fields: dict[str, Any], base: Path, name: str) -> TokenKey:
    """A token's key from its table, files relative to `base`.

    Raises:
        PasserelleError: `ceremony_invalid`.
    """
    kinds = {"module": str, "token": str, "label": str, "pin_file": str}
    wrong = sorted(key for key, value in fields.items() if type(value) is not kinds.get(key))
    missing = sorted({"module", "token", "label"} - fields.keys())
    if wrong or missing:
        raise PasserelleError("ceremony_invalid", f"{name}: pkcs11: {', '.join(wrong + missing)}")
    pin = fields.get("pin_file")
    module = (base / fields["module"]).absolute()
    return TokenKey(module, fields["token"], fields["label"], (base / pin).absolute() if pin else None)


class _Reading:
    """Takes a table apart and complains by name."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def ceremony(self, fields: dict[str, Any]) -> Ceremony:
        known = {"trust_domain", "prepared_by", "reviewed_by", "root", "issuing", "pkcs11", "external_root"}
        self._only("", fields, known)
        root = self._table(fields, "root", {"days"})
        issuing = self._table(fields, "issuing", {"days", "key"})
        token = self._table(fields, "pkcs11", {"module", "token", "label", "pin_file"})
        external = self._take(fields, "external_root", str, "")
        try:
            backend = Backend(self._take(issuing, "key", str, "file"))
        except ValueError as error:
            raise self._refused("issuing.key") from error
        return Ceremony(
            trust_domain=self._take(fields, "trust_domain", str),
            prepared_by=self._take(fields, "prepared_by", str),
            reviewed_by=self._take(fields, "reviewed_by", str),
            root_days=self._take(root, "days", int, ROOT_LIFETIME // DAY),
            issuing_days=self._take(issuing, "days", int, ISSUING_LIFETIME // DAY),
            backend=backend,
            token=read_token(token, self._file.parent, self._file.name) if token else None,
            external_roots=(self._file.parent / external).absolute() if external else None,
        )

    def _table(self, fields: dict[str, Any], name: str, known: set[str]) -> dict[str, Any]:
        table = cast("dict[str, Any]", self._take(fields, name, dict, {}))
        self._only(f"{name}.", table, known)
        return table

    def _only(self, place: str, fields: dict[str, Any], known: set[str]) -> None:
        unknown = sorted(str(name) for name in fields if name not in known)
        if unknown:
            raise self._refused(", ".join(place + name for name in unknown))

    def _take(self, fields: dict[str, Any], name: str, kind: type[Any], default: Any = None) -> Any:
        value = fields.get(name, default)
        if type(value) is not kind:
            raise self._refused(name)
        return value

    def _refused(self, what: str) -> PasserelleError:
        return PasserelleError("ceremony_invalid", f"{self._file.name}: {what}")


class _Plain(yaml.SafeLoader):
    """YAML without what a reviewer overlooks."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = cast("Any", super()).peek_event()
        if isinstance(event, yaml.AliasEvent) or event.anchor or getattr(event, "tag", None):
            raise yaml.YAMLError("anchors, aliases and tags are refused")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        if len(set(keys)) != len(keys) or "<<" in keys:
            raise yaml.YAMLError("repeated or merged keys are refused")
        return super().construct_mapping(node, deep=deep)


def _plain(raw: bytes) -> object:
    return yaml.load(raw.decode("utf-8"), _Plain)  # noqa: S506 - a subclass of SafeLoader
