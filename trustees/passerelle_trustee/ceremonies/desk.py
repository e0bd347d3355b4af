"""All ceremonies of one trustee: joined by its operator, carried on by the trustee that runs.

(1) `join` checks an agreement against the registry and our shares, and writes it; nothing was said yet;
(2) `carry_on` asks every party for what it has said, stores it, and takes the steps that became possible;
(3) `said` hands out our messages, to parties of that ceremony alone.

A trustee that was killed goes on where its files are. One party that does not answer holds up nobody but the
ceremony itself; what a party says wrongly is logged and left out.
"""

from __future__ import annotations

import tomllib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from passerelle.clock import Clock
from passerelle.entry_files import naming
from passerelle.errors import PasserelleError
from passerelle.federation import Federation
from passerelle.log import get_logger
from passerelle.manifest import KeyManifest, read_manifest
from passerelle.oprf.keys import KeyShare
from passerelle.seal import SealingPublicKey
from passerelle.sign import Signed, verify
from passerelle_trustee.ceremonies.agreement import Agreement, Party, read_agreement
from passerelle_trustee.ceremonies.folder import AGREEMENT, Folder
from passerelle_trustee.ceremonies.session import Own, Session, Standing

_LOG = get_logger("trustee")
_KEYS = "keys.json"

Ask = Callable[[Party, bytes], Awaitable[Sequence[Signed]]]
"""What a party has said in a ceremony; raises `PasserelleError` where it cannot be had."""


@dataclass(frozen=True, slots=True)
class Directory:
    """The others' keys, from the registry's entries."""

    federation: Federation
    clock: Clock

    def verify(self, agency: str, signed: Signed, payload_type: str) -> bytes:
        """The payload, once a signing key of the agency's manifest is shown to have signed it.

        Raises:
            PasserelleError: `agency_unknown`, or what manifest and signature raise.
        """
        key = self._manifest(agency).signing_key(signed.signature.key_id, self.clock.now())
        return verify(signed, key, payload_type)

    def sealing_key(self, agency: str) -> SealingPublicKey:
        """The current sealing key of an agency.

        Raises:
            PasserelleError: `agency_unknown`, or what the manifest raises.
        """
        return self._manifest(agency).current_sealing_key(self.clock.now())

    def _manifest(self, agency: str) -> KeyManifest:
        return read_manifest(self.federation.entry(agency).manifest, agency)


class Ceremonies:
    """Below one folder, a folder for each ceremony, named by its id.

    Args:
        folder: where they are kept.
        agency: who we are.
        own: our keys, read where a ceremony needs them.
        shares: our present shares, looked up anew for each step.
        directory: the others.
    """

    def __init__(
        self,
        folder: Path,
        agency: str,
        own: Callable[[], Own],
        shares: Callable[[], Sequence[KeyShare]],
        directory: Directory,
    ) -> None:
        self._folder = folder
        self._agency = agency
        self._own = own
        self._shares = shares
        self._directory = directory
        self._lock = Lock()

    def join(self, file: Path) -> Agreement:
        """Step 1. Joining the same agreement again changes nothing.

        Raises:
            PasserelleError: `ceremony_plan_invalid`, `agency_unknown`, `share_unknown`, `group_key_invalid`.
        """
        try:
            text = file.read_text("utf-8")
        except (OSError, UnicodeError) as error:
            raise PasserelleError("ceremony_plan_invalid", f"{file.name}: {type(error).__name__}") from error
        with naming(file):
            agreement = read_agreement(text, file.parent)
        for party in agreement.receivers():
            self._directory.sealing_key(party.agency)
        if agreement.party(self._agency).deals_as:
            held = {share.info for share in self._shares()}
            if missing := [info.label for info in agreement.plan.old if info not in held]:
                raise PasserelleError("share_unknown", missing[0])
        self._write(agreement, text, file)
        return agreement

    def said(self, ceremony: bytes, asker: str) -> tuple[Signed, ...]:
        """Step 3.

        Raises:
            PasserelleError: `ceremony_unknown`, also for who takes no part in it.
        """
        session = next((one for one in self._sessions() if one.agreement.plan.ceremony == ceremony), None)
        if session is None or asker not in {party.agency for party in session.agreement.parties}:
            raise PasserelleError("ceremony_unknown", f"asked by {asker}")
        return tuple(session.messages(asker))

    def standings(self) -> dict[str, tuple[Agreement, Standing]]:
        """Every ceremony and where it stands, by id, after the steps that are possible without asking."""
        with self._lock:
            return {
                session.agreement.plan.ceremony.hex(): (session.agreement, session.advance())
                for session in self._sessions()
            }

    async def carry_on(self, ask: Ask) -> Mapping[str, Standing]:
        """Step 2, for every ceremony that is under way."""
        found: dict[str, Standing] = {}
        for name, (agreement, standing) in self.standings().items():
            if not standing.waits_for:
                continue
            for party in agreement.parties:
                if party.agency != self._agency:
                    await self._ask(agreement, party, ask)
            found[name] = self.standings()[name][1]
            _LOG.info("ceremony.step", path=name, code=found[name].code or found[name].stage.value)
        return found

    async def _ask(self, agreement: Agreement, party: Party, ask: Ask) -> None:
        try:
            said = await ask(party, agreement.plan.ceremony)
        except PasserelleError as error:
            _LOG.info("ceremony.waiting", agency=party.agency, code=error.code)
            return
        session = self._session(agreement)
        for signed in said:
            try:
                with self._lock:
                    session.take(party.agency, signed)
            except PasserelleError as error:
                _LOG.warning("ceremony.refused", agency=party.agency, code=error.code, detail=error.detail)

    def _sessions(self) -> Iterator[Session]:
        if not self._folder.is_dir():
            return
        for place in sorted(self._folder.iterdir()):
            file = place / AGREEMENT
            if file.is_file():
                with naming(place):
                    agreement = read_agreement(file.read_text("utf-8"), place)
                yield self._session(agreement)

    def _session(self, agreement: Agreement) -> Session:
        own = replace(self._own(), shares=tuple(self._shares()))
        folder = Folder(self._folder / agreement.plan.ceremony.hex())
        return Session(agreement, own, folder, self._directory.verify, self._directory.sealing_key)

    def _write(self, agreement: Agreement, text: str, file: Path) -> None:
        folder = Folder(self._folder / agreement.plan.ceremony.hex())
        folder.make()
        if folder.has(AGREEMENT):
            known = read_agreement(folder.read(AGREEMENT).decode(), folder.path)
            if known.digest() != agreement.digest():
                raise PasserelleError("ceremony_plan_invalid", "another agreement under this id")
            return
        if agreement.plan.old:
            present = tomllib.loads(text)["reshare"]["keys"]
            folder.put(_KEYS, (file.parent / present).read_bytes())
            text = text.replace(str(present), _KEYS)
        folder.put(AGREEMENT, text.encode())
