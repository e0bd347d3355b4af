"""What policy is asked of a pair: one question whichever record came first; of a recipient, its own side."""

from __future__ import annotations

from parties import MARKING

from passerelle.codec.header import encode_marking
from passerelle_hub import facts
from passerelle_hub.facts import Side

OURS = Side(encode_marking(MARKING), "police", "ter")
THEIRS = Side(encode_marking(MARKING), "customs", "ter")


def test_two_records_are_one_question_whichever_stands_first() -> None:
    asked = facts.match(OURS, THEIRS, ("core",))
    assert facts.match(THEIRS, OURS, ("core",)) == asked
    assert asked.record == facts.side_facts(THEIRS)  # in order of the originators
    assert facts.closer(asked).action == "look_closer"


def test_a_recipient_is_asked_about_with_its_own_record_first() -> None:
    asked = facts.notify("police", "analyst", OURS, THEIRS, "notified")
    assert asked.subject == {"agency": "police", "role": "analyst"}
    assert asked.record == facts.side_facts(OURS)
    assert facts.notify("police", "analyst", THEIRS, OURS, "notified") != asked
