"""The calls: who gets through, what is audited, what comes back."""

from __future__ import annotations

from typing import Any

import pytest
from hub_kit import HubKit
from parties import MARKING

from passerelle.certificate import PeerCertificate, Usage
from passerelle.codec.foresight import foresight_in, imagined_out
from passerelle.errors import PasserelleError
from passerelle.foresight import Imagined
from passerelle.groups import EntityKind
from passerelle.identity import Identity, Role
from passerelle.rpc.interceptor import CallContext
from passerelle.wire.v1 import administration_pb2
from passerelle_hub.explain.foresight import Foreseer
from passerelle_hub.explain.service import Administration, Preview
from passerelle_hub.service import Threads
from passerelle_hub.store import decisions, log_store

ANNA = Identity("hub.example", Role.OPERATOR, "coordination")
OVERSIGHT = Identity("oversight.example", Role.SUPERVISOR, "oversight")


def caller(identity: Identity) -> Any:
    """The context of a call that the listener admitted."""
    nothing: Any = None
    return CallContext(nothing, PeerCertificate(identity, Usage.CLIENT, 1, b"\0" * 32, 0, 2**62))


def events(hub: HubKit) -> dict[str, int]:
    with hub.core.database.read() as tx:
        return log_store.counts(tx)


@pytest.mark.parametrize("identity", [ANNA, OVERSIGHT], ids=["operator", "supervisor"])
async def test_operator_and_supervisor_read_why_something_was_decided(
    hub: HubKit, identity: Identity
) -> None:
    threads = Threads()
    service = Administration(database=hub.core.database, access=hub.core.access, threads=threads)
    with pytest.raises(PasserelleError) as refused:
        await service.ExplainDecision(administration_pb2.ExplainDecisionRequest(), caller(identity))
    assert refused.value.code == "language_unknown"
    with hub.core.database.read() as tx:
        decision = decisions.newest(tx)
    request = administration_pb2.ExplainDecisionRequest(decision=decision, language="nl")
    told = await service.ExplainDecision(request, caller(identity))
    threads.close()
    assert (told.package, told.action, told.allow) == ("admin", "decisions.explain", True)
    assert [(line.kind, line.code) for line in told.lines] == [
        (administration_pb2.EXPLAINED_KIND_GRANT, "role")
    ]
    assert "Toegestaan" in told.headline
    assert events(hub)["decision.explained"] == 2


async def test_a_partner_may_not(hub: HubKit) -> None:
    threads = Threads()
    service = Administration(database=hub.core.database, access=hub.core.access, threads=threads)
    with pytest.raises(PasserelleError) as refused:
        request = administration_pb2.ExplainDecisionRequest(decision="x", language="en")
        await service.ExplainDecision(request, caller(hub.agency("police").identity))
    threads.close()
    assert refused.value.code == "call_denied"
    assert events(hub)["call.refused"] == 1


async def test_a_partner_asks_who_would_learn_and_oversight_may_not(hub: HubKit) -> None:
    threads = Threads()
    foreseer = Foreseer(hub.core.decisions, "coordination", "norm/1")
    service = Preview(foreseer=foreseer, access=hub.core.access, threads=threads)
    request = imagined_out(Imagined("ter", EntityKind.PERSON, MARKING, ("core",), "de"))
    answer = await service.WhoWouldLearn(request, caller(hub.agency("police").identity))
    assert foresight_in(answer).taken
    assert events(hub)["preview.asked"] == 1
    with pytest.raises(PasserelleError) as refused:
        await service.WhoWouldLearn(request, caller(OVERSIGHT))
    threads.close()
    assert refused.value.code == "call_denied"
