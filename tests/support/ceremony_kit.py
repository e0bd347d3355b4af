"""Trustees in one process that hold a ceremony: real keys, files and signatures, no sockets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from passerelle.agreed_keys import AgreedKeys
from passerelle.errors import PasserelleError
from passerelle.keyfile import KeyKind
from passerelle.oprf.keys import KeyShare
from passerelle.oprf.pinned import GroupKeys
from passerelle.seal import SealingKey, SealingPublicKey
from passerelle.sign import Signed, SigningKey, verify
from passerelle_trustee.ceremonies.agreement import Agreement
from passerelle_trustee.ceremonies.folder import GROUP_KEYS, Folder
from passerelle_trustee.ceremonies.session import Own, Session, Stage, Standing
from passerelle_trustee.share import load_shares

ID = "9f86d081884c7d659a2feaa0c55ad015"


class Crash(Exception):
    """The process died just before or just after a file was written."""


class FragileFolder(Folder):
    """Dies at the `crash_at`-th write, before it or after it."""

    def __init__(self, path: Path, crash_at: int, *, after: bool) -> None:
        super().__init__(path)
        self.left, self.after = crash_at, after

    def put(self, name: str, content: bytes, *, secret: KeyKind | None = None) -> None:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Crash
        super().put(name, content, secret=secret)
        if self.left == 0:
            raise Crash


@dataclass
class Trustee:
    """One trustee: its keys, and its folder of one ceremony."""

    agency: str
    folder: Folder
    signing: SigningKey = field(default_factory=SigningKey.generate)
    sealing: SealingKey = field(default_factory=SealingKey.generate)
    shares: tuple[KeyShare, ...] = ()


@dataclass
class Circle:
    """The trustees of a ceremony and what they agreed on."""

    agreement: Agreement
    trustees: dict[str, Trustee]

    def session(self, agency: str) -> Session:
        """A trustee's part, as after a start of its process."""
        one = self.trustees[agency]
        own = Own(agency, one.signing, {one.sealing.public.key_id: one.sealing}, one.shares)
        return Session(self.agreement, own, one.folder, self.verify, self.sealing_key)

    def verify(self, agency: str, signed: Signed, payload_type: str) -> bytes:
        """What an agency signed."""
        if agency not in self.trustees:
            raise PasserelleError("agency_unknown", agency)
        return verify(signed, self.trustees[agency].signing.public, payload_type)

    def sealing_key(self, agency: str) -> SealingPublicKey:
        """An agency's key."""
        return self.trustees[agency].sealing.public

    def said(self, agency: str, asker: str) -> list[Signed]:
        """What one trustee tells another."""
        return list(self.session(agency).messages(asker))

    def round(self, agency: str, asked: Sequence[str] | None = None) -> Standing:
        """One trustee asks the others and takes its steps."""
        session = self.session(agency)
        for other in self.trustees if asked is None else asked:
            if other != agency:
                for signed in self.said(other, agency):
                    session.take(other, signed)
        return session.advance()

    def run(self, rounds: int = 12, on_crash: Callable[[str], None] = lambda _: None) -> dict[str, Standing]:
        """All of them until nothing moves; a trustee that dies starts again."""
        standings: dict[str, Standing] = {}
        for _ in range(rounds):
            for agency in self.trustees:
                try:
                    standings[agency] = self.round(agency)
                except Crash:
                    on_crash(agency)
            over = {standing.stage for standing in standings.values()} <= {Stage.DONE, Stage.FAILED}
            if over and len(standings) == len(self.trustees):
                break
        return standings

    def made(self, agency: str) -> tuple[KeyShare, ...]:
        """The shares that a trustee came to."""
        return load_shares(self.trustees[agency].folder.path / "shares.json").shares

    def keys(self, agency: str) -> GroupKeys:
        """The keys as a connector would believe them."""
        document = self.trustees[agency].folder.read(GROUP_KEYS).decode()
        receivers = {party.receives_as: party.agency for party in self.agreement.receivers()}
        return AgreedKeys.from_json(document).verified(receivers, self.verify)


def circle(agreement: Agreement, folder: Path) -> Circle:
    """Fresh trustees for an agreement."""
    trustees = {
        party.agency: Trustee(party.agency, Folder(folder / party.agency)) for party in agreement.parties
    }
    return Circle(agreement, trustees)


def agreement_text(
    trustees: Sequence[str],
    *,
    threshold: int = 2,
    generation: int = 1,
    dealers: Sequence[tuple[int, str]] = (),
    ceremony: str = ID,
    groups: str = '"phone", "email"',
) -> str:
    """An agreement file; with dealers it deals the keys of `present.json` anew."""
    parts = [
        f'ceremony = "{ceremony}"\nkind = "{"reshare" if dealers else "generate"}"\nthreshold = {threshold}',
        f'generation = {generation}\n[[keys]]\ndomain = "ter"\nepoch = 1\ngroups = [{groups}]',
    ]
    parts += [f'[[trustees]]\nagency = "{name}"\naddress = "{name}.example:7543"' for name in trustees]
    parts += [
        f'[[dealers]]\nindex = {index}\nagency = "{name}"\naddress = "{name}.example:7543"'
        for index, name in dealers
    ]
    if dealers:
        parts.append('[reshare]\nkeys = "present.json"')
    return "\n".join(parts) + "\n"
