"""What was said in one ceremony: every party's signed messages, each once, ours among them.

A message is signed once and never changes. One that does not belong here, or that its party did not sign, is
refused and not stored; two different ones for one step end the ceremony, and both are kept as evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from passerelle.agreed_keys import CONFIRMATION_TYPE, Confirmation, Verify
from passerelle.errors import PasserelleError
from passerelle.sign import Signed, SigningKey, sign
from passerelle_trustee.ceremonies.agreement import Agreement, Party
from passerelle_trustee.ceremonies.folder import Folder
from passerelle_trustee.ceremonies.messages import DEAL, DISPUTE, MESSAGE_TYPE, Message

CONFIRM: Final = "confirm"


class Book:
    """The messages of one ceremony at one trustee.

    Args:
        agreement: what was agreed.
        agency: who we are.
        signing: signs what we say.
        folder: where everything is kept.
        verify: the payload that an agency signed, by the keys of its manifest.
    """

    def __init__(
        self, agreement: Agreement, agency: str, signing: SigningKey, folder: Folder, verify: Verify
    ) -> None:
        self._agreement = agreement
        self._agency = agency
        self._signing = signing
        self._folder = folder
        self._verify = verify

    def messages(self, asker: str) -> Iterator[Signed]:
        """What another party may have of us: everything but what is dealt to somebody else."""
        for name, signed in self._folder.own():
            if not name.startswith(f"{DEAL}-") or name == f"{DEAL}-{asker}":
                yield signed

    def take(self, agency: str, signed: Signed) -> None:
        """Store a message that another party signed; a ceremony that is over takes no more.

        Raises:
            PasserelleError: `ceremony_message_invalid`, or what the signature raises: nothing is stored.
        """
        if agency == self._agency or self._folder.failure() is not None:
            return
        name = self._named(self._agreement.party(agency), signed)
        known = dict(self._folder.of(agency)).get(name)
        if known is None:
            self._folder.put_from(agency, name, signed)
        elif known.payload != signed.payload:
            self._folder.keep_evidence(f"{agency}-{name}", signed)
            self._folder.fail("ceremony_equivocation", agency)

    def say(self, step: str, to: str, body: Mapping[str, object]) -> None:
        """Sign and keep a message of ours, unless it was said before."""
        message = Message(self._agreement.digest(), self._agency, step, to, body)
        if not self.has_said(message.name):
            self._folder.put_own(message.name, sign(self._signing, MESSAGE_TYPE, message.encode()))

    def has_said(self, name: str) -> bool:
        """Whether we said it."""
        return self._folder.has(f"own/{name}")

    def said(self, step: str, to: str = "") -> dict[str, Message]:
        """One step of everybody who took it, by agency."""
        name = f"{step}-{to}" if to else step
        return {
            party.agency: Message.decode(signed.payload)
            for party in self._agreement.parties
            for found, signed in self._all(party.agency)
            if found == name
        }

    def disputed(self) -> Iterator[tuple[str, str]]:
        """(receiver, dealer) of each dispute."""
        dealers = {party.agency for party in self._agreement.dealers()}
        for party in self._agreement.receivers():
            for name, _ in self._all(party.agency):
                step, _, dealer = name.partition("-")
                if step == DISPUTE and dealer in dealers:
                    yield party.agency, dealer

    def confirm(self, said: Confirmation) -> None:
        """Confirm the keys; said once."""
        self._folder.put_own(CONFIRM, sign(self._signing, CONFIRMATION_TYPE, said.encode()))

    def confirmed(self) -> dict[str, Signed]:
        """Who confirmed the keys, by agency."""
        return {
            party.agency: signed
            for party in self._agreement.receivers()
            for name, signed in self._all(party.agency)
            if name == CONFIRM
        }

    def _all(self, agency: str) -> Iterator[tuple[str, Signed]]:
        return self._folder.own() if agency == self._agency else self._folder.of(agency)

    def _named(self, party: Party, signed: Signed) -> str:
        """The name of a message, once it is signed by that party and belongs here."""
        payload = self._verify(party.agency, signed, signed.payload_type)
        if signed.payload_type == CONFIRMATION_TYPE:
            said = Confirmation.decode(payload)
            right = (party.agency, party.receives_as, self._agreement.plan.ceremony)
            if (said.trustee, said.index, said.ceremony) != right:
                raise PasserelleError("ceremony_message_invalid", f"a confirmation of {party.agency}")
            return CONFIRM
        message = Message.decode(payload)
        to_party = not message.to or any(message.to == one.agency for one in self._agreement.parties)
        right_place = message.agreement == self._agreement.digest() and message.sender == party.agency
        if signed.payload_type != MESSAGE_TYPE or not to_party or not right_place:
            raise PasserelleError("ceremony_message_invalid", f"{message.step} of {party.agency}")
        return message.name
