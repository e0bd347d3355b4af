"""A whole connector over fakes at its ports: a folder, a store, trustees that share keys, a hub in memory."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector_kit import Cast, Desk

from passerelle.clock import ManualClock
from passerelle.codec.header import decode_header
from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.oprf.group import ristretto255
from passerelle.oprf.keys import KeyShare, deal
from passerelle.oprf.pinned import Ceremony, GroupKeys
from passerelle.oprf.protocol import EvaluateAnswer, EvaluateRequest
from passerelle.oprf.threshold import evaluate
from passerelle.record import RecordAction, SealedRecord
from passerelle.sign import Signed
from passerelle.vault import VaultKey
from passerelle_connector.compose import connect
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.foundation import Environment, Foundation, Ports, Stores
from passerelle_connector.keyring import Keyring
from passerelle_connector.ports import HubDescription
from passerelle_connector.run import Connector
from passerelle_connector.store import (
    Database,
    HoldingStore,
    InboxStore,
    OutboxStore,
    PinStore,
    PromiseStore,
    RowStore,
    TokenCache,
    WaitStore,
)

VAULT = VaultKey(1, b"v" * 32)
HEADER = "nr,naam,voornaam,geb,gsm,code,nota\n"
GOOD = "P1,Peeters,Jan,02/03/1980,+32470123456,H2,seen in May\n"
CHILD = "P2,Peeters,Lotte,02/03/2020,,H1,\n"
BAD_MARKING = "P3,Maes,An,02/03/1990,,H7,\n"
EMPTY = "P4,,,,,H1,\n"
SECOND = "P5,Janssens,Piet,05/06/1975,,,\n"


@dataclass
class FakeTrustee:
    shares: dict[Group, KeyShare]
    down: bool = False
    calls: int = 0

    async def evaluate(self, request: EvaluateRequest) -> EvaluateAnswer:
        self.calls += 1
        if self.down:
            raise PasserelleError("peer_unavailable", "")
        return evaluate(self.shares[request.group], request)


@dataclass
class FakeDirectory:
    description: HubDescription
    entries: tuple[Signed, ...] = ()
    away: bool = False

    async def describe(self) -> HubDescription:
        if self.away:
            raise PasserelleError("peer_unavailable", "")
        return self.description

    async def agencies(self) -> tuple[Signed, ...]:
        return self.entries


@dataclass
class Office:
    """One partner: folder, store, connector; `connector()` is what a start of the process makes."""

    desk: Desk
    cast: Cast
    folder: Path
    clock: ManualClock
    trustees: dict[int, FakeTrustee]
    keys: GroupKeys
    directory: FakeDirectory
    changes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        database = Database(self.folder / "office.db")
        self.stores = Stores(
            database=database,
            rows=RowStore(database),
            outbox=OutboxStore(database),
            holdings=HoldingStore(database),
            inbox=InboxStore(database),
            tokens=TokenCache(database),
            waits=WaitStore(database),
            promises=PromiseStore(database),
            pins=PinStore(database),
        )

    def write(self, *lines: str) -> None:
        (self.folder / "rows.csv").write_text(HEADER + "".join(lines), "utf-8")

    def settings(self) -> ConnectorSettings:
        values: dict[str, Any] = {
            "base": self.folder,
            "identity": "spiffe://police.example/connector/police",
            "domain": "ter",
            "recipients": ("customs",),
            "source": {"kind": "folder", "path": "rows.csv", "reference": "nr"},
            "map": {
                "family_name": "naam",
                "given_name": "voornaam",
                "born": {"from": "geb", "parse": "%d/%m/%Y"},
                "phone": "gsm",
                "handling": "code",
            },
            "marking": {"purposes": ["terrorism"], "legal_basis": "law"},
            "circumstances": {"note": "nota"},
            "hub": {"address": "hub:7443", "agency": "ocam"},
            "trustees": (),
            "scan_seconds": 0.01,
            "retry_seconds": 0.01,
        }
        return ConnectorSettings(**{**values, **self.changes})

    def connector(self) -> Connector:
        police = self.cast.police
        return connect(
            Foundation(
                settings=self.settings(),
                stores=self.stores,
                keyring=Keyring(
                    (police.signing,),
                    {police.sealing.public.key_id: police.sealing},
                    {1: VAULT},
                    b"c" * 32,
                    b"p" * 32,
                ),
                peers=self.cast.peers(),
                group_keys=self.keys,
                ports=Ports(self.desk.hub, self.directory, self.trustees),
                environment=Environment(self.clock, os.urandom, lambda: 0.0),
            )
        )

    def codes(self) -> set[tuple[str, str, bool]]:
        return {(item.reference, item.code, item.fatal) for item in self.stores.rows.rejects()}

    def actions(self, reference: str) -> list[RecordAction]:
        """What the hub was told of a row, in order."""
        own = self.stores.rows.known([reference])[reference].record_id
        headers = [decode_header(record.header) for record in self.sent()]
        return [header.action for header in headers if header.record_id == own]

    def sent(self) -> list[SealedRecord]:
        return [record for batch in self.desk.hub.batches for record in batch.records]


def deal_keys() -> tuple[GroupKeys, dict[int, dict[Group, KeyShare]]]:
    made = {
        (group, epoch): deal("ter", group, epoch, 1, 2, ristretto255().random_scalars(2), 3)
        for group in Group
        for epoch in (1, 2)
    }
    shares = {at: {group: made[group, 1].shares[at - 1] for group in Group} for at in (1, 2, 3)}
    return GroupKeys(Ceremony.DEVELOPMENT, tuple(one.info for one in made.values())), shares
