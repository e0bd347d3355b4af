"""The supervisor's search: a known purpose or nothing, logged, a page at a time, read only."""

from __future__ import annotations

import pytest
from hub_kit import HubKit
from parties import entry_of

from passerelle.audit.query import Query
from passerelle.codec.log import found_in, found_out, query_in, query_out
from passerelle.errors import PasserelleError
from passerelle.identity import Identity, Role
from passerelle_hub import calls
from passerelle_hub.logbook.search import LogSearch

OVERSIGHT = Identity("oversight.example", Role.SUPERVISOR, "oversight")


def supervised(hub: HubKit) -> LogSearch:
    hub.register(entry_of(OVERSIGHT, hub.roots, b"", hub.clock.now()))
    police = hub.agency("police")
    for number in range(3):
        hub.submit(police, police.record({"national number": str(number)}))
    hub.beat()
    return LogSearch(hub.core.database)


def test_events_are_found_by_kind_actor_and_time(hub: HubKit) -> None:
    search, start = supervised(hub), hub.clock.now()
    accepted = search.page(Query("threat_assessment", kinds=("batch.accepted",)))
    assert len(accepted) == 3
    assert all(found.tick == 0 for found in accepted)
    (last,) = search.page(Query("threat_assessment", ("batch.accepted",), after=accepted[1].number))
    assert last == accepted[2]
    assert found_in(found_out(last)) == last
    mine = Query("threat_assessment", actor="operator", since=1, until=start + 1)
    assert {found.event.kind for found in search.page(mine)} >= {"agency.added"}
    assert search.page(Query("threat_assessment", since=start + 1)) == ()
    assert query_in(query_out(mine)) == mine


def test_a_search_without_a_known_purpose_is_denied_and_both_are_logged(hub: HubKit) -> None:
    search = supervised(hub)
    for purpose in ("", "curiosity"):
        with pytest.raises(PasserelleError) as caught:
            hub.core.access.require(OVERSIGHT, calls.SEARCH, purpose)
        assert caught.value.code == "call_denied"
    hub.core.access.require(OVERSIGHT, calls.SEARCH, "threat_assessment", kinds="batch.accepted")
    (searched,) = search.page(Query("threat_assessment", kinds=("log.searched",)))
    assert '"purpose":"threat_assessment"' in searched.event.detail
    assert '"kinds":"batch.accepted"' in searched.event.detail


def test_nobody_else_searches(hub: HubKit) -> None:
    assert calls.SEARCH.roles == {Role.SUPERVISOR}
    with pytest.raises(PasserelleError):
        hub.core.access.require(hub.agency("police").identity, calls.SEARCH, "threat_assessment")


@pytest.mark.parametrize("query", [Query("inspection", actor="a\0"), Query("inspection", ("a\0",))])
def test_a_text_that_no_event_has_is_refused(hub: HubKit, query: Query) -> None:
    with pytest.raises(PasserelleError) as caught:
        LogSearch(hub.core.database).page(query)
    assert caught.value.code == "message_malformed"


@pytest.mark.parametrize("limit", [0, 501])
def test_a_page_has_a_size(hub: HubKit, limit: int) -> None:
    with pytest.raises(PasserelleError):
        LogSearch(hub.core.database).page(Query("threat_assessment", limit=limit))
