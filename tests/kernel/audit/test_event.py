"""What an event commits to: every field, and the same with its details erased."""

from __future__ import annotations

import pytest

from passerelle.audit.event import Event, commitment

EVENT = Event("link.opened", "hub/match", 5, '{"a":1}', b"s" * 16, "link/ab", b"v" * 32)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "link.changed"},
        {"actor": "other"},
        {"happened": 6},
        {"detail": "{}"},
        {"salt": b"t" * 16},
        {"subject": "link/ac"},
        {"vouched": b"w" * 32},
    ],
    ids=str,
)
def test_every_field_is_committed_to(change: dict[str, object]) -> None:
    assert EVENT._replace(**change).commitment != EVENT.commitment  # type: ignore[arg-type]  # one field a case


def test_the_commitment_of_an_event_is_the_same_for_ever() -> None:
    digest = "ab21524f16ace08842da20ee14bf51267cd7137591d38d983f17235cab0ef8b4"
    assert EVENT.commitment.hex() == digest


def test_an_event_without_its_details_keeps_its_commitment() -> None:
    erased = EVENT._replace(actor="", detail="", salt=b"", erased=EVENT.inner)
    assert erased.commitment == EVENT.commitment
    assert commitment("link.opened", 5, "link/ab", b"v" * 32, EVENT.inner) == EVENT.commitment


def test_the_inner_digest_is_salted() -> None:
    assert EVENT._replace(salt=b"t" * 16).inner != EVENT.inner
