"""The store of judgements on both databases."""

from __future__ import annotations

from cluster_kit import happen, put_records

from passerelle.judgement import Verdict
from passerelle_hub.store import Database, Transaction, judgements
from passerelle_hub.store.judgements import Standing, StoredJudgement


def put(tx: Transaction, number: int, agency: str, verdict: Verdict, link: int = 1) -> None:
    at = judgements.next_moment(tx, link, 7)
    row = StoredJudgement(agency, bytes([number] * 16), link, verdict, '["birth"]', "d", at, b"signed")
    judgements.put(tx, row)


def test_of_each_agency_the_last_one_stands_and_all_are_kept(database: Database) -> None:
    with database.write() as tx:
        low, middle, high = sorted(put_records(tx, "abc"))
        happen(tx, low, middle, "strong")
        happen(tx, low, high, "strong")
        put(tx, 3, "a", Verdict.REFUTED)
        put(tx, 2, "b", Verdict.UNDETERMINED)
        put(tx, 1, "a", Verdict.UNDER_REVIEW)
        put(tx, 4, "a", Verdict.CONFIRMED_JUSTIFIED, link=2)
    with database.read() as tx:
        assert [row.recorded for row in judgements.history(tx, 1)] == [7, 8, 9]
        assert judgements.standing(tx, [1, 2, 3]) == {
            1: (
                Standing("a", Verdict.UNDER_REVIEW, frozenset({"birth"})),
                Standing("b", Verdict.UNDETERMINED, frozenset({"birth"})),
            ),
            2: (Standing("a", Verdict.CONFIRMED_JUSTIFIED, frozenset({"birth"})),),
        }
        assert judgements.standing(tx, []) == {}
        assert judgements.known(tx, "a", bytes([3] * 16))
        assert not judgements.known(tx, "b", bytes([3] * 16))
