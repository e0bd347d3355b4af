"""One trustee's part in one ceremony: a state machine whose states are the files that are there.

`take` stores what another trustee signed; `advance` takes every step that has become possible:

(1) a dealer draws its polynomials, keeps them, and commits;
(2) once all dealers have committed, it reveals, and says what commitments it saw;
(3) once all reveals are there, hold, and everybody saw the same commitments, it deals to each receiver;
(4) a receiver checks what it was dealt; what does not fit it disputes, and the dealer shows it to all;
(5) a receiver writes its shares, then confirms the keys;
(6) once all receivers confirmed the same, the document of keys is written and the polynomials are removed.

Rules: a message is signed once and never changes; nothing is said before what it rests on is on disk; whoever
signs two different things for one step, or something that does not hold, ends the ceremony and is named.
Calls are the caller's to serialise. Messages of the others come over mutual TLS, but their signatures alone
count, so that both folders together prove a lie to anybody.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from passerelle import canonical
from passerelle.agreed_keys import AgreedKeys, Confirmation, Verify, keys_digest
from passerelle.errors import PasserelleError
from passerelle.oprf import ceremony
from passerelle.oprf.ceremony import SALT_BYTES, Culprit, Plan, Reveal
from passerelle.oprf.keys import KeyShare
from passerelle.oprf.pinned import Ceremony, GroupKeys
from passerelle.seal import Purpose, SealingKey, SealingPublicKey, SealLabel, open_sealed, seal
from passerelle.sign import Signed, SigningKey
from passerelle_trustee.ceremonies.agreement import Agreement, Party
from passerelle_trustee.ceremonies.book import CONFIRM, Book
from passerelle_trustee.ceremonies.folder import GROUP_KEYS, SHARES, Folder
from passerelle_trustee.ceremonies.messages import (
    COMMIT,
    DEAL,
    DISPUTE,
    REVEAL,
    SHOWN,
    Message,
    bytes_body,
    read_bytes,
    read_reveal,
    reveal_body,
)
from passerelle_trustee.share import ShareBook, write_shares


class Stage(StrEnum):
    """How far a ceremony is."""

    COMMITTING = "committing"
    REVEALING = "revealing"
    DEALING = "dealing"
    DISPUTED = "disputed"
    CONFIRMING = "confirming"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a ceremony stands: the stage, and whom it waits for; or why it failed, and whose fault it is."""

    stage: Stage
    waits_for: tuple[str, ...] = ()
    code: str = ""
    culprit: str = ""


@dataclass(frozen=True, slots=True)
class Own:
    """What a trustee brings along: name, keys, and in a reshare its shares of the present keys."""

    agency: str
    signing: SigningKey
    sealing: Mapping[bytes, SealingKey]
    shares: tuple[KeyShare, ...] = ()


class Session:
    """One ceremony at one trustee.

    Args:
        agreement: what was agreed.
        own: who we are.
        folder: where everything is kept.
        verify: the payload that an agency signed, by the keys of its manifest.
        sealing_key: an agency's current sealing key.
        random: source of salts.
    """

    def __init__(
        self,
        agreement: Agreement,
        own: Own,
        folder: Folder,
        verify: Verify,
        sealing_key: Callable[[str], SealingPublicKey],
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.agreement = agreement
        self._own = own
        self._folder = folder
        self._book = Book(agreement, own.agency, own.signing, folder, verify)
        self._sealing_key = sealing_key
        self._random = random
        self._me = agreement.party(own.agency)
        folder.make()

    def messages(self, asker: str) -> Iterator[Signed]:
        """What another party may have of us: everything but what is dealt to somebody else."""
        return self._book.messages(asker)

    def take(self, agency: str, signed: Signed) -> None:
        """Store a message that another party signed; a ceremony that is over takes no more.

        Raises:
            PasserelleError: `ceremony_message_invalid`, or what the signature raises: nothing is stored.
        """
        self._book.take(agency, signed)

    def advance(self) -> Standing:
        """Take all steps that are possible now.

        Raises:
            PasserelleError: our own keys or shares do not fit the agreement; nothing was said.
        """
        if self._folder.failure() is None and not self._folder.has(GROUP_KEYS):
            try:
                return self._steps()
            except _Fault as fault:
                self._folder.fail(fault.code, fault.culprit)
        if (failed := self._folder.failure()) is not None:
            self._folder.forget_dealing()
            return Standing(Stage.FAILED, code=failed[0], culprit=failed[1])
        self._folder.forget_dealing()  # again, where a crash came before it
        return Standing(Stage.DONE)

    def _steps(self) -> Standing:
        self._commit()  # (1)
        commits = self._book.said(COMMIT)
        if missing := _missing(self.agreement.dealers(), commits):
            return Standing(Stage.COMMITTING, missing)
        seen: dict[str, bytes] = {}
        for agency, message in commits.items():
            with _blaming(agency):
                seen[agency] = read_bytes(message, "commitment")
        self._reveal(seen)  # (2)
        if missing := _missing(self.agreement.dealers(), self._book.said(REVEAL)):
            return Standing(Stage.REVEALING, missing)
        reveals = self._checked_reveals(seen)
        self._deal()  # (3)
        if (disputed := self._disputes(reveals)) is not None:
            return disputed
        if self._me.receives_as:
            received = self._received(reveals)  # (4)
            if isinstance(received, Standing):
                return received
            self._confirm(reveals, received)  # (5)
        return self._close(reveals)  # (6)

    def _commit(self) -> None:
        if not self._me.deals_as:
            return
        plan = self.agreement.plan
        dealing = self._folder.dealing(plan)
        if dealing is None:
            shares = _shares_of(plan, self._own.shares)
            dealing = ceremony.begin(plan, self._me.deals_as, self._random(SALT_BYTES), shares)
            self._folder.put_dealing(dealing)
        self._book.say(COMMIT, "", bytes_body("commitment", dealing.reveal.digest(plan)))

    def _reveal(self, seen: Mapping[str, bytes]) -> None:
        if (dealing := self._folder.dealing(self.agreement.plan)) is not None:
            self._book.say(REVEAL, "", reveal_body(dealing.reveal, seen))

    def _checked_reveals(self, seen: Mapping[str, bytes]) -> dict[str, Reveal]:
        """All reveals, once each holds and nobody saw other commitments than we did."""
        found: dict[str, Reveal] = {}
        for agency, message in self._book.said(REVEAL).items():
            with _blaming(agency):
                reveal, views = read_reveal(message)
            if reveal.dealer != self.agreement.party(agency).deals_as:
                raise _Fault("ceremony_commitment_broken", agency)
            if views != seen:
                liars = {other for other in seen.keys() | views.keys() if seen.get(other) != views.get(other)}
                raise _Fault("ceremony_equivocation", " or ".join(sorted(liars | {agency})))
            with _blaming(agency):
                found[agency] = ceremony.check_reveal(self.agreement.plan, seen[agency], reveal)
        return found

    def _deal(self) -> None:
        dealing = self._folder.dealing(self.agreement.plan)
        if dealing is None:
            return
        for party in self.agreement.receivers():
            if party.agency == self._own.agency or self._book.has_said(f"{DEAL}-{party.agency}"):
                continue
            public = self._sealing_key(party.agency)
            info = self._label(self._own.agency, party.agency).info(public.key_id)
            sealed = seal(public, info, dealing.sub_shares(party.receives_as))
            self._book.say(DEAL, party.agency, bytes_body("sealed", sealed, key=public.key_id.hex()))

    def _received(self, reveals: Mapping[str, Reveal]) -> dict[int, bytes] | Standing:
        """Sub-shares by dealer's index, or what stands against them."""
        plan, index = self.agreement.plan, self._me.receives_as
        dealt = self._book.said(DEAL, self._own.agency)
        others = [party for party in self.agreement.dealers() if party.agency != self._own.agency]
        if missing := _missing(others, dealt):
            return Standing(Stage.DEALING, missing)
        received: dict[int, bytes] = {}
        if (dealing := self._folder.dealing(plan)) is not None:
            received[self._me.deals_as] = dealing.sub_shares(index)
        for agency, message in dealt.items():
            try:
                parts = ceremony.check_sub_shares(plan, reveals[agency], index, self._opened(agency, message))
            except PasserelleError:
                self._book.say(DISPUTE, agency, {})
                return Standing(Stage.DISPUTED, (agency,))
            received[self.agreement.party(agency).deals_as] = parts
        return received

    def _opened(self, agency: str, message: Message) -> bytes:
        key_id = str(message.body.get("key"))
        key = next((key for known, key in self._own.sealing.items() if known.hex() == key_id), None)
        if key is None:
            raise PasserelleError("seal_open_failed", "no such sealing key")
        label = self._label(agency, self._own.agency)
        return open_sealed(key, label.info(key.public.key_id), read_bytes(message, "sealed"))

    def _disputes(self, reveals: Mapping[str, Reveal]) -> Standing | None:
        """Answer disputes about us, judge those that were answered, wait for the others."""
        waiting: set[str] = set()
        for receiver, dealer in self._book.disputed():
            if dealer == self._own.agency:
                dealing = self._folder.dealing(self.agreement.plan)
                assert dealing is not None  # noqa: S101 - a dealer has dealt before it is disputed
                parts = dealing.sub_shares(self.agreement.party(receiver).receives_as)
                self._book.say(SHOWN, receiver, bytes_body("sub_shares", parts))
            shown = self._book.said(SHOWN, receiver).get(dealer)
            if shown is None:
                waiting.add(dealer)
                continue
            index = self.agreement.party(receiver).receives_as
            with _blaming(dealer):
                parts = read_bytes(shown, "sub_shares")
            judged = ceremony.judge(self.agreement.plan, reveals[dealer], index, parts)
            raise _Fault("ceremony_sub_share_invalid", dealer if judged is Culprit.DEALER else receiver)
        return Standing(Stage.DISPUTED, tuple(sorted(waiting))) if waiting else None

    def _confirm(self, reveals: Mapping[str, Reveal], received: Mapping[int, bytes]) -> None:
        if self._book.has_said(CONFIRM):
            return
        plan, index = self.agreement.plan, self._me.receives_as
        if not self._folder.has(SHARES):
            shares = ceremony.finish(plan, index, tuple(reveals.values()), received)
            write_shares(self._folder.path / SHARES, ShareBook(Ceremony.DISTRIBUTED, index, shares))
        said = Confirmation(
            self._own.agency, index, plan.ceremony, keys_digest(self._keys(reveals)), self._transcript()
        )
        self._book.confirm(said)

    def _close(self, reveals: Mapping[str, Reveal]) -> Standing:
        confirmed = self._book.confirmed()
        keys = self._keys(reveals)
        for agency, signed in confirmed.items():
            said = Confirmation.decode(signed.payload)
            if (said.keys, said.transcript) != (keys_digest(keys), self._transcript()):
                raise _Fault("ceremony_transcripts_differ", agency)
        if missing := _missing(self.agreement.receivers(), confirmed):
            return Standing(Stage.CONFIRMING, missing)
        order = sorted(confirmed, key=lambda agency: self.agreement.party(agency).receives_as)
        agreed = AgreedKeys(keys, tuple(confirmed[agency] for agency in order))
        self._folder.put(GROUP_KEYS, agreed.to_json().encode())
        self._folder.forget_dealing()
        return Standing(Stage.DONE)

    def _keys(self, reveals: Mapping[str, Reveal]) -> GroupKeys:
        made = ceremony.public_keys(self.agreement.plan, tuple(reveals.values()))
        return GroupKeys(Ceremony.DISTRIBUTED, made)

    def _transcript(self) -> bytes:
        """A digest of everything that was revealed, in the order of the dealers' names."""
        said = tuple(message.encode() for _, message in sorted(self._book.said(REVEAL).items()))
        return canonical.digest("passerelle/ceremony/transcript/1", self.agreement.digest(), said)

    def _label(self, dealer: str, receiver: str) -> SealLabel:
        return SealLabel(dealer, self.agreement.digest(), receiver, Purpose.KEY_SHARE)


class _Fault(Exception):
    """The ceremony is over, and whose fault it is."""

    def __init__(self, code: str, culprit: str) -> None:
        super().__init__(code)
        self.code = code
        self.culprit = culprit


@contextmanager
def _blaming(agency: str) -> Generator[None]:
    """Whatever is wrong inside is this agency's fault."""
    try:
        yield
    except PasserelleError as error:
        raise _Fault(error.code, agency) from error


def _missing(parties: Iterable[Party], said: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(party.agency for party in parties if party.agency not in said)


def _shares_of(plan: Plan, shares: tuple[KeyShare, ...]) -> tuple[KeyShare, ...]:
    """Our shares of the keys that are dealt anew, in their order; none in a generation."""
    held = {share.info: share for share in shares}
    missing = [info.label for info in plan.old if info not in held]
    if missing:
        raise PasserelleError("share_unknown", missing[0])
    return tuple(held[info] for info in plan.old)
