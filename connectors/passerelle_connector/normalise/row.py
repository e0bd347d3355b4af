"""From one canonical row to a `Subject`: the entry of `norm/1`.

A canonical row is a mapping from the field names in `FIELDS` to a value or a list of values; the partner's
mapping has already renamed columns and parsed local date formats. Names may be `{"name": ..., "quality":
...}` or `{"family": ..., "given": ...}`; documents, plates and handles may carry their issuing state,
country or platform as `{"number": ..., "state": ...}`, `{"number": ..., "country": ...}`, `{"handle": ...,
"platform": ...}`.

Steps: (1) unknown columns are reported; (2) names; (3) births, sex, nationalities, addresses; (4)
identifiers, each checked by its parser; (5) birth date and sex are read from a Belgian national number
where the row leaves them out; (6) a row from which no key could come is rejected. One bad value never hides
a good one: what cannot be read is left out and reported with the field's name, never with the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from passerelle.groups import EntityKind
from passerelle_connector.normalise.countries import alpha3
from passerelle_connector.normalise.dates import Placeholder, partial_date
from passerelle_connector.normalise.identifiers import PARSERS, Context, Refused, spoken_by
from passerelle_connector.normalise.names import organisation_name, split_name, whole_name
from passerelle_connector.normalise.subject import (
    Address,
    Identifier,
    NameForm,
    NameQuality,
    Normalised,
    PartialDate,
    Problem,
    Severity,
    Subject,
)
from passerelle_connector.normalise.tables import stop_values, words
from passerelle_connector.normalise.text import latin

_IDENTIFIERS: Final[Mapping[str, str]] = {
    "national_number": "national number",
    "enterprise_number": "enterprise number",
    "organisation_number": "enterprise number",
    "document": "document",
    "passport": "document",
    "phone": "phone",
    "email": "e-mail",
    "iban": "IBAN",
    "plate": "plate",
    "vin": "VIN",
    "imei": "IMEI",
    "imsi": "IMSI",
    "wallet": "wallet",
    "handle": "handle",
    "ip": "IP address",
}
# Where a value of this field finds its qualifier: keys of a nested value, then another column of the row.
_QUALIFIERS: Final[Mapping[str, tuple[str, str]]] = {
    "national_number": ("country", "national_number_country"),
    "document": ("state", "document_state"),
    "passport": ("state", "passport_state"),
    "plate": ("country", "plate_country"),
    "handle": ("platform", "handle_platform"),
}
_NAME_FIELDS: Final = (
    "family_name",
    "given_name",
    "middle_name",
    "full_name",
    "names",
    "aliases",
    "organisation_name",
)
_ADDRESS_FIELDS: Final = ("street", "house_number", "postcode", "locality", "country")
FIELDS: Final = frozenset(
    {*_IDENTIFIERS, *_NAME_FIELDS, *_ADDRESS_FIELDS, *(column for _, column in _QUALIFIERS.values())}
    | {"entity", "born", "sex", "nationality", "addresses"}
)
"""Every field a canonical row may have."""

_REPEATED: Final = re.compile(r"^(.)\1+$")
_NUMBERED: Final = frozenset(
    {"national_number", "document", "passport", "phone", "imei", "imsi", "plate", "vin"}
)
_SPACES: Final = re.compile(r"\s+")
_MAX_VALUES: Final = 64


@dataclass(frozen=True, slots=True)
class Settings:
    """What a connector's configuration adds: the region (ISO 3166 alpha-2) of numbers written without one."""

    region: str = "BE"


@dataclass(slots=True)
class _Reader:
    """One row being read, and the problems met."""

    row: Mapping[str, object]
    problems: dict[Problem, None] = field(default_factory=dict[Problem, None])

    def report(self, code: str, name: str, severity: Severity = Severity.WARN) -> None:
        self.problems[Problem(code, name, severity)] = None

    def values(self, name: str) -> Iterator[str | Mapping[str, Any]]:
        """The values of a field that say something, at most `_MAX_VALUES`."""
        found = self.row.get(name)
        items: Sequence[object] = (
            cast("Sequence[object]", found) if isinstance(found, (list, tuple)) else (found,)
        )
        if len(items) > _MAX_VALUES:
            self.report("row_too_many_values", name)
        for item in items[:_MAX_VALUES]:
            if isinstance(item, Mapping):
                yield cast("Mapping[str, Any]", item)
            elif item is not None and (text := self.text(item, name)):
                yield text

    def text(self, item: object, name: str) -> str:
        """A value as text, or nothing where it is a placeholder."""
        if isinstance(item, (bool, float, bytes)):  # a float has lost digits, a boolean says nothing
            self.report("row_value_type", name)
            return ""
        text = _SPACES.sub(" ", str(item)).strip()
        if text.upper() in words().placeholders:
            self.report("row_value_placeholder", name)
            return ""
        return text

    def first(self, name: str) -> str:
        """The first plain text of a field."""
        return next((value for value in self.values(name) if isinstance(value, str)), "")


def normalise(row: Mapping[str, object], settings: Settings | None = None) -> Normalised:
    """Normalise one canonical row. Never raises for what a row holds: see `Normalised.problems`."""
    reader = _Reader(row)
    for name in row:
        if name not in FIELDS:
            reader.report("row_unknown_column", name)  # (1)
    entity = _entity(reader)
    names = tuple(dict.fromkeys(_names(reader, entity)))  # (2)
    births = _births(reader) if entity is EntityKind.PERSON else ()  # (3)
    sex = _sex(reader)
    identifiers = tuple(dict.fromkeys(_identifiers(reader, settings or Settings())))  # (4)
    if entity is EntityKind.PERSON:
        births, sex = _completed(births, sex, identifiers)  # (5)
    subject = Subject(
        entity=entity,
        names=names,
        births=births,
        sex=sex,
        identifiers=identifiers,
        nationalities=tuple(dict.fromkeys(_countries(reader, "nationality"))),
        addresses=tuple(dict.fromkeys(_addresses(reader))),
    )
    a_house = reader.first("entity").lower() == EntityKind.MEANS and subject.addresses
    if not subject.identifiers and not subject.names and not a_house:  # a house must be said to be one
        reader.report("row_no_identifier", "", Severity.REJECT)  # (6)
    return Normalised(subject, tuple(reader.problems))


def _entity(reader: _Reader) -> EntityKind:
    """The stated kind; else an organisation where only its fields are set, else a person or means."""
    stated = reader.first("entity").lower()
    if stated:
        try:
            return EntityKind(stated)
        except ValueError:
            reader.report("row_entity_unknown", "entity", Severity.REJECT)
    if any(
        reader.row.get(name) for name in ("family_name", "given_name", "full_name", "national_number", "born")
    ):
        return EntityKind.PERSON
    if any(
        reader.row.get(name) for name in ("organisation_name", "enterprise_number", "organisation_number")
    ):
        return EntityKind.ORGANISATION
    return (
        EntityKind.PERSON if any(reader.row.get(name) for name in ("names", "aliases")) else EntityKind.MEANS
    )


def _names(reader: _Reader, entity: EntityKind) -> Iterator[NameForm]:
    """Primary names first; a nested name states its own quality."""
    if entity is EntityKind.MEANS:
        return
    if entity is EntityKind.PERSON:
        family, given = reader.first("family_name"), reader.first("given_name")
        if bool(family) is not bool(given) and not reader.row.get("full_name"):
            reader.report("row_name_incomplete", "given_name" if family else "family_name")
        if family or given:
            split = split_name(family, given, reader.first("middle_name"), NameQuality.PRIMARY)
            if split.full:
                yield split
    fields = ("organisation_name",) if entity is EntityKind.ORGANISATION else ("full_name",)
    for name in (*fields, "names", "aliases"):
        for value in reader.values(name):
            form = _name(reader, name, value, entity)
            if form is not None and form.full:
                yield form


def _name(reader: _Reader, name: str, value: str | Mapping[str, Any], entity: EntityKind) -> NameForm | None:
    whole = organisation_name if entity is EntityKind.ORGANISATION else whole_name
    default = NameQuality.ALIAS if name == "aliases" else NameQuality.PRIMARY
    if isinstance(value, str):
        return whole(value, default)
    try:
        quality = NameQuality(str(value.get("quality") or default))
    except ValueError:
        reader.report("row_name_quality_unknown", name)
        quality = NameQuality.WEAK
    family, given = (reader.text(value.get(key) or "", name) for key in ("family", "given"))
    if family and given and entity is EntityKind.PERSON:
        return split_name(family, given, reader.text(value.get("middle") or "", name), quality)
    text = reader.text(value.get("name") or family or given, name)
    return whole(text, quality) if text else None


def _births(reader: _Reader) -> tuple[PartialDate, ...]:
    found: dict[PartialDate, None] = {}
    for value in reader.values("born"):
        text = value if isinstance(value, str) else value.get("date") or value.get("year") or ""
        try:
            found[partial_date(text)] = None
        except Placeholder:
            reader.report("row_value_placeholder", "born")
        except ValueError:
            reader.report("row_date_invalid", "born")
    return tuple(found)


def _completed(
    births: tuple[PartialDate, ...], sex: str, identifiers: tuple[Identifier, ...]
) -> tuple[tuple[PartialDate, ...], str]:
    """Births and sex; from the number where the row says nothing, or of the birth no more than the year."""
    for identifier in identifiers:
        if identifier.kind != "national number":
            continue
        birth, spoken = spoken_by(identifier.value)
        sex = sex or spoken
        if birth is not None and (not births or births == (PartialDate(birth.year),)):
            births = (birth,)
    return births, sex


def _sex(reader: _Reader) -> str:
    text = reader.first("sex")
    code = words().sex.get(latin(text)[1], "") if text else ""
    if text and not code:
        reader.report("row_sex_unknown", "sex")
    return code


def _countries(reader: _Reader, name: str) -> Iterator[str]:
    for value in reader.values(name):
        code = alpha3(value) if isinstance(value, str) else ""
        if code:
            yield code
        else:
            reader.report("row_country_unknown", name)


def _addresses(reader: _Reader) -> Iterator[Address]:
    """The address columns of the row, then the nested ones."""
    rows: list[Mapping[str, Any]] = [{name: reader.first(name) for name in _ADDRESS_FIELDS}]
    rows.extend(value for value in reader.values("addresses") if not isinstance(value, str))
    for row in rows:
        parts = {name: latin(str(row.get(name) or ""))[1] for name in _ADDRESS_FIELDS}
        parts["country"] = alpha3(parts["country"])
        parts["postcode"] = parts["postcode"].replace(" ", "")
        if any(parts.values()):
            yield Address(**parts)


def _identifiers(reader: _Reader, settings: Settings) -> Iterator[Identifier]:
    for name, kind in _IDENTIFIERS.items():
        group, parse = PARSERS[kind]
        key, column = _QUALIFIERS.get(name, ("", ""))
        beside = reader.first(column) if column else ""
        for value in reader.values(name):
            nested: Mapping[str, Any] = {} if isinstance(value, str) else value
            raw = value if isinstance(value, str) else value.get("number") or value.get(name) or ""
            text = reader.text(raw, name)
            if not text:
                continue
            try:
                if name in _NUMBERED and _REPEATED.match(re.sub(r"[\W_]", "", text)):
                    raise Refused("row_value_placeholder")
                context = Context(settings.region, str(nested.get(key) or beside))
                identifier = Identifier(group, kind, parse(text, context))
                if identifier.value in stop_values().get(kind, ()):
                    raise Refused("row_value_common")
                yield identifier
            except Refused as refusal:
                reader.report(refusal.code, name)
