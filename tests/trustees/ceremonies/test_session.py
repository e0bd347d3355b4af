"""A ceremony among trustees: it ends alike for all, survives a crash at every write, names whoever cheats."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from ceremony_kit import Circle, FragileFolder, Trustee, agreement_text, circle

from passerelle.errors import PasserelleError
from passerelle.keyfile import write_private
from passerelle.oprf import threshold
from passerelle.oprf.ceremony import Dealing
from passerelle.oprf.group import SCALAR_BYTES, scalar
from passerelle.sign import Signed, SigningKey, sign
from passerelle_trustee.ceremonies.agreement import read_agreement
from passerelle_trustee.ceremonies.folder import GROUP_KEYS, Folder
from passerelle_trustee.ceremonies.messages import MESSAGE_TYPE, Message, bytes_body
from passerelle_trustee.ceremonies.session import Stage

NAMES = ("trustee-1", "trustee-2", "trustee-3")


@pytest.fixture
def three(tmp_path: Path) -> Circle:
    return circle(read_agreement(agreement_text(NAMES), tmp_path), tmp_path)


def output(made: Circle, names: dict[int, str], quorum: tuple[int, ...]) -> bytes:
    """What a connector gets for one value."""
    keys = made.keys(next(iter(names.values())))
    info = keys.keys[0]
    batch = threshold.blind([b"a value"])
    request = threshold.request(info, batch, quorum, bytes(16))
    answers = [
        threshold.verify(info, request, threshold.evaluate(made.made(names[at])[0], request)) for at in quorum
    ]
    return threshold.finalise(batch, threshold.combine(answers))[0]


def test_all_come_to_the_same_confirmed_keys(three: Circle) -> None:
    standings = three.run()
    assert {standing.stage for standing in standings.values()} == {Stage.DONE}
    documents = {trustee.folder.read(GROUP_KEYS) for trustee in three.trustees.values()}
    assert len({three.keys(name).to_json() for name in NAMES}) == len(documents) == 1
    index = dict(enumerate(NAMES, start=1))
    assert len({output(three, index, quorum) for quorum in combinations((1, 2, 3), 2)}) == 1
    assert not any((trustee.folder.path / "dealing.key").exists() for trustee in three.trustees.values())


def test_with_a_passphrase_what_was_drawn_is_sealed(
    three: Circle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_private(tmp_path / "phrase", b"correct horse")
    monkeypatch.setenv("PASSERELLE_PASSPHRASE_FILE", str(tmp_path / "phrase"))
    three.round(NAMES[0])
    place, plan = three.trustees[NAMES[0]].folder.path, three.agreement.plan
    assert (place / "dealing.key").read_bytes().startswith(b"passerelle-key-sealed dealing/1\n")
    again = Folder(place)
    drawn = again.dealing(plan)
    assert drawn is not None and again.dealing(plan) is drawn
    monkeypatch.delenv("PASSERELLE_PASSPHRASE_FILE")
    with pytest.raises(PasserelleError, match="passphrase_missing"):
        Folder(place).dealing(plan)


def test_a_party_that_is_away_holds_it_up_and_is_named(three: Circle) -> None:
    for _ in range(3):
        for name in NAMES[:2]:
            standing = three.round(name, NAMES[:2])
    assert standing.stage is Stage.COMMITTING
    assert standing.waits_for == ("trustee-3",)
    assert {one.stage for one in three.run().values()} == {Stage.DONE}


@pytest.mark.trial
def test_a_crash_at_any_write_loses_nothing(tmp_path: Path) -> None:
    agreement = read_agreement(agreement_text(NAMES, groups='"phone"'), tmp_path)
    for at in range(1, 12):
        for after in (False, True):
            made = circle(agreement, tmp_path / f"{at}-{after}")
            victim = made.trustees["trustee-2"]
            victim.folder = FragileFolder(victim.folder.path, at, after=after)

            def restart(_: str, victim: Trustee = victim) -> None:
                victim.folder = Folder(victim.folder.path)

            standings = made.run(on_crash=restart)
            assert {one.stage for one in standings.values()} == {Stage.DONE}, (at, after)
            assert len({made.keys(name).to_json() for name in NAMES}) == 1


def test_shares_are_dealt_anew_to_other_trustees(three: Circle, tmp_path: Path) -> None:
    three.run()
    (tmp_path / "present.json").write_bytes(three.trustees["trustee-1"].folder.read(GROUP_KEYS))
    names = ("trustee-2", "trustee-3", "trustee-4", "trustee-5")
    text = agreement_text(
        names, threshold=3, generation=2, dealers=((1, "trustee-1"), (3, "trustee-3")), ceremony="aa" * 16
    )
    agreement = read_agreement(text, tmp_path)
    later = circle(agreement, tmp_path / "later")
    for name in NAMES:
        if name in later.trustees:
            later.trustees[name].signing = three.trustees[name].signing
            later.trustees[name].shares = three.made(name)
    standings = later.run()
    assert {one.stage for one in standings.values()} == {Stage.DONE}
    before = output(three, dict(enumerate(NAMES, start=1)), (1, 2))
    assert output(later, dict(enumerate(names, start=1)), (1, 2, 4)) == before
    assert not (later.trustees["trustee-1"].folder.path / "shares.json").exists()


def cheat(made: Circle, name: str, message: Message) -> None:
    """Put a message into a trustee's mouth, signed with its own key."""
    trustee = made.trustees[name]
    signed = sign(trustee.signing, MESSAGE_TYPE, message.encode())
    (trustee.folder.path / "own" / message.name).unlink(missing_ok=True)
    trustee.folder.put_own(message.name, signed)


def ends(made: Circle, name: str) -> tuple[str, str]:
    made.run()
    standing = made.round(name)
    assert standing.stage is Stage.FAILED
    assert not made.trustees[name].folder.has(GROUP_KEYS)
    return standing.code, standing.culprit


def test_who_reveals_something_else_is_named(three: Circle) -> None:
    three.round("trustee-2", ())
    digest = three.agreement.digest()
    cheat(three, "trustee-2", Message(digest, "trustee-2", "commit", "", bytes_body("commitment", bytes(32))))
    assert ends(three, "trustee-1") == ("ceremony_commitment_broken", "trustee-2")


def test_who_says_two_things_is_named_and_the_proof_is_kept(three: Circle) -> None:
    three.round("trustee-2", ())
    three.round("trustee-1")
    digest = three.agreement.digest()
    cheat(three, "trustee-2", Message(digest, "trustee-2", "commit", "", bytes_body("commitment", bytes(32))))
    assert ends(three, "trustee-1") == ("ceremony_equivocation", "trustee-2")
    assert (three.trustees["trustee-1"].folder.path / "evidence" / "trustee-2-commit").exists()


class TwoFaced(Circle):
    """Trustee 2 tells trustee 3 of another commitment than trustee 1."""

    def said(self, agency: str, asker: str) -> list[Signed]:
        true = super().said(agency, asker)
        if (agency, asker) != ("trustee-2", "trustee-3"):
            return true
        body = bytes_body("commitment", bytes(32))
        lie = Message(self.agreement.digest(), agency, "commit", "", body)
        rest = [one for one in true if Message.decode(one.payload).step != "commit"]
        return [sign(self.trustees[agency].signing, MESSAGE_TYPE, lie.encode()), *rest]


def test_who_tells_two_trustees_different_things_is_found_by_comparing(three: Circle) -> None:
    lied_to = TwoFaced(three.agreement, three.trustees)
    for name in ("trustee-1", "trustee-3"):
        code, culprit = ends(lied_to, name)
        assert code == "ceremony_equivocation"
        assert "trustee-2" in culprit


class Miser(Folder):
    """Keeps polynomials whose first coefficients are not those that are revealed."""

    def dealing(self, plan: object) -> Dealing | None:
        found = super().dealing(plan)  # type: ignore[arg-type]  # the plan is handed through
        if found is None or not self.has("own/reveal"):
            return found
        wrong = tuple(scalar(5) + part[SCALAR_BYTES:] for part in found.coefficients)
        return Dealing(found.plan, wrong, found.reveal)


def test_a_wrong_sub_share_is_disputed_shown_and_judged(three: Circle) -> None:
    three.trustees["trustee-3"].folder = Miser(three.trustees["trustee-3"].folder.path)
    assert ends(three, "trustee-1") == ("ceremony_sub_share_invalid", "trustee-3")
    assert ends(three, "trustee-2") == ("ceremony_sub_share_invalid", "trustee-3")


def test_a_false_dispute_falls_back_on_who_made_it(three: Circle) -> None:
    digest = three.agreement.digest()
    three.session("trustee-2")
    cheat(three, "trustee-2", Message(digest, "trustee-2", "dispute", "trustee-1", {}))
    assert ends(three, "trustee-3") == ("ceremony_sub_share_invalid", "trustee-2")


def test_a_message_of_another_ceremony_sender_or_key_is_refused(three: Circle) -> None:
    session = three.session("trustee-1")
    right = three.agreement.digest()
    body = bytes_body("commitment", bytes(32))
    key = three.trustees["trustee-2"].signing
    for signing, message in (
        (key, Message(bytes(32), "trustee-2", "commit", "", body)),
        (key, Message(right, "trustee-3", "commit", "", body)),
        (key, Message(right, "trustee-2", "deal", "somebody", body)),
        (SigningKey.generate(), Message(right, "trustee-2", "commit", "", body)),
    ):
        with pytest.raises(PasserelleError):
            session.take("trustee-2", sign(signing, MESSAGE_TYPE, message.encode()))
    assert list(three.trustees["trustee-1"].folder.of("trustee-2")) == []


def test_sub_shares_are_handed_to_their_receiver_alone(three: Circle) -> None:
    for name in NAMES:
        three.round(name)
    for name in NAMES:
        three.round(name)
    three.round("trustee-1")
    said = [
        Message.decode(one.payload).to
        for one in three.said("trustee-1", "trustee-2")
        if one.payload_type == MESSAGE_TYPE
    ]
    assert "trustee-2" in said
    assert "trustee-3" not in said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ceremony = 5",
        agreement_text(("trustee-1",)),
        agreement_text(("trustee-1", "trustee-1")),
        agreement_text(NAMES, threshold=4),
        agreement_text(NAMES, ceremony="xy"),
        agreement_text(NAMES, groups='"shoe"'),
        agreement_text(NAMES, generation=2, dealers=((1, "trustee-1"),)),
        agreement_text(NAMES).replace("generate", "reshare"),
        agreement_text(NAMES) + "[more]\n",
    ],
)
def test_an_agreement_that_cannot_be_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(PasserelleError) as refusal:
        read_agreement(text, tmp_path)
    assert refusal.value.code == "ceremony_plan_invalid"
