"""Bad rows and files of the catalogue, put between good ones into the folder of an agency that has submitted.

`Desk` is the agency: a real connector, trustees and hub in one process, one of them for the whole catalogue,
so that every entry comes upon what the entries before it left behind.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub_kit import hub_kit
from mapping_kit import NAMES, mapping
from simulator import Federation, Member, federation

from passerelle.errors import PasserelleError
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.engine import Engine
from passerelle_hub.store import records

AGENCY = "police"
FIELDS = (
    "entity", "names", "sex", "nationality", "national_number", "enterprise_number", "passport", "phone",
    "email", "iban", "vin", "imei", "imsi", "wallet", "ip", "classification", "handling", "review",
    "special_categories", "reliability",
)  # fmt: skip
CONFIG = mapping(
    NAMES | {name: name for name in FIELDS}, circumstances='seen = { from = "seen", parse = "%d/%m/%Y" }'
)
COLUMNS = ("id", "name", "first", "born", "seen", *FIELDS)
LONG = "x" * 400_000


@dataclass(frozen=True)
class Left:
    """What a reading left: (code, fatal) by reference or place, the agency's records at the hub."""

    rejects: Mapping[str, frozenset[tuple[str, bool]]]
    records: int


@dataclass
class Desk:
    """The agency that reads."""

    federation: Federation
    member: Member
    number: int = 0

    @property
    def data(self) -> Path:
        """The folder that the connector reads."""
        return self.federation.folder / AGENCY / "data"

    def good(self, suffix: str) -> dict[str, Any]:
        """A row that nothing is wrong with."""
        self.number += 1
        first = "".join(chr(ord("a") + int(digit)) for digit in f"{self.number:04}")
        return {"id": f"good-{self.number}-{suffix}", "name": "Peeters", "first": first, "born": "1980-02-03"}

    async def read(self) -> Left:
        """Submit, then look."""
        await self.member.submit()
        return self.left()

    def left(self) -> Left:
        """What is there now."""
        rejects: dict[str, set[tuple[str, bool]]] = {}
        for item in self.member.stores.rows.rejects(100_000):
            rejects.setdefault(item.reference, set()).add((item.code, item.fatal))
        with self.federation.kit.core.database.read() as tx:
            held = records.counts(tx).get(AGENCY, 0)
        return Left({name: frozenset(codes) for name, codes in rejects.items()}, held)


async def open_desk(folder: Path, engine: Engine, bundle: Bundle, stack: AsyncExitStack) -> Desk:
    """The agency with one accepted row."""
    kit = stack.enter_context(hub_kit(folder, engine, bundle))
    made = await stack.enter_async_context(federation(kit, folder))
    desk = Desk(made, made.join(AGENCY, CONFIG, {}))
    write(desk, "0-first.jsonl", [desk.good("first")])
    assert (await desk.read()).records == 1
    return desk


def write(desk: Desk, name: str, rows: list[dict[str, Any]]) -> None:
    """A file of JSON lines."""
    (desk.data / name).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


async def bad_row(desk: Desk, name: str, entry: Mapping[str, Any]) -> None:
    """The entry's row between two good ones: its own code, set aside or not as the entry says."""
    before, after = desk.good("before"), desk.good("after")
    row = {"id": name} if entry.get("alone") else {**desk.good("base"), "id": name}
    row |= {key: _filled(value, before) for key, value in entry["row"].items()}
    held = desk.left().records
    write(desk, f"{name}.jsonl", [before, row, after])
    left = await desk.read()
    found = left.rejects.get(str(row["id"]) or f"{name}.jsonl:2", frozenset())
    assert (entry["code"], entry["set_aside"]) in found, found
    assert any(fatal for _, fatal in found) is entry["set_aside"]
    assert left.records == held + 2 + (not entry["set_aside"])


def _filled(value: Any, before: Mapping[str, Any]) -> Any:
    """Values that a table of the catalogue cannot hold well."""
    if value == "{before}":
        return before["id"]
    if value == "{long}":
        return LONG
    if value == "{many}":
        return [f"047{at:07}" for at in range(70)]
    return value


async def bad_file(desk: Desk, name: str, entry: Mapping[str, Any]) -> None:
    """The entry's file beside a good one: its own code, by place in the file or by the file's name."""
    held = desk.left().records
    path = desk.data / f"{name}.{entry['kind']}"
    if entry.get("folder"):
        path.mkdir()
    elif "base64" in entry:
        path.write_bytes(base64.b64decode(entry["base64"]))
    else:
        text = entry["text"].replace("{columns}", ",".join(COLUMNS)).replace("{gaps}", "," * len(FIELDS))
        path.write_text(text.replace("{deep}", "[" * 200_000), "utf-8")
    write(desk, f"{name}-beside.jsonl", [desk.good("beside")])
    left = await desk.read()
    assert (entry["code"], True) in left.rejects[path.name + entry.get("place", "")]
    assert left.records == held + 1 + entry.get("good_rows", 0)


async def vanished_folder(desk: Desk) -> None:
    """The whole folder is gone for a while: said once, nothing withdrawn, and it goes on afterwards."""
    held = desk.left().records
    away = desk.data.rename(desk.data.with_name("away"))
    try:
        await desk.member.submit()
        raise AssertionError("the source was readable")
    except PasserelleError as error:
        code = error.code
    finally:
        away.rename(desk.data)
    assert desk.left().records == held
    write(desk, "afterwards.jsonl", [desk.good("afterwards")])
    assert (await desk.read()).records == held + 1
    raise PasserelleError(code)


WHOLE: Mapping[str, Callable[[Desk], Any]] = {"folder-gone": vanished_folder}
"""Entries about the source as a whole, which end the reading."""
