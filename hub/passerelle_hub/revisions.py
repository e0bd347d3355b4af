"""Signed revisions of policy: taken in, activated, tried in a shadow, rolled back to.

How a bundle becomes active
---------------------------
(1) verify: two persons' signatures over exactly this content (`policy.signed`), then lint and a trial load;
(2) it must have been signed after the active one; going back is a command of its own;
(3) replay: where past decisions come out newly allowed, the second signer must have approved that;
(4) audit, store, switch: one transaction. Every hub process follows the table (`following`).

Whatever fails is audited as refused and changes nothing. A roll-back takes a revision that is stored, which
was verified when it came and is verified again; one that was active before needs no replay, because going
back must work on a bad day.

| fault | left behind | afterwards |
|---|---|---|
| crash before the commit of (4) | nothing | the former revision is active |
| crash after it | the new state | every process decides by it from its next transaction on |
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from passerelle.clock import Clock
from passerelle.errors import PasserelleError
from passerelle_hub.audit import Audit, EventKind
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.outcome import ChangeKind
from passerelle_hub.policy.replay import Report
from passerelle_hub.policy.signatures import Signers
from passerelle_hub.policy.signed import SignedBundle, examine, verify_archive
from passerelle_hub.store import Database, Transaction, policies, turns
from passerelle_hub.store.policies import State, StoredRevision

Replay = Callable[[Bundle], Report]
"""Decides past inputs again by a bundle."""


class Revisions:
    """What the operator does with revisions. Blocking; beside a running hub or without one."""

    def __init__(self, database: Database, audit: Audit, signers: Signers, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._signers = signers
        self._clock = clock

    def verify(self, archive: bytes, actor: str) -> SignedBundle:
        """Step 1, with the refusal in the audit log.

        Raises:
            PasserelleError: as `verify_archive` and `examine`.
        """
        try:
            signed = verify_archive(archive, self._signers)
            examine(signed.bundle)
        except PasserelleError as error:
            self._refused(hashlib.sha256(archive).digest(), error, actor)
            raise
        return signed

    def activate(self, archive: bytes, replay: Replay, actor: str) -> tuple[SignedBundle, State]:
        """Make a signed bundle the active revision.

        Raises:
            PasserelleError: as `verify`; `policy_revision_older`, `policy_approval_missing`,
                `policy_replay_incomplete`.
        """
        signed = self.verify(archive, actor)  # (1)
        try:
            with self._database.read() as tx:
                self._newer(tx, signed)
            _approved(signed, replay(signed.bundle))  # (3)
            with self._database.write() as tx:
                turns.take(tx)
                self._newer(tx, signed)  # (2), again: another activation may have come between
                return signed, self._switch(tx, "activated", signed, actor)  # (4)
        except PasserelleError as error:
            self._refused(signed.digest, error, actor)
            raise

    def shadow(self, archive: bytes, actor: str) -> tuple[SignedBundle, State]:
        """Try a signed bundle beside the active revision; decisions stay those of the active one.

        Raises:
            PasserelleError: as `verify`; `policy_not_activated`.
        """
        signed = self.verify(archive, actor)
        with self._database.write() as tx:
            turns.take(tx)
            if not policies.state(tx).revision:
                raise PasserelleError("policy_not_activated")
            return signed, self._switch(tx, "shadowed", signed, actor)

    def unshadow(self, actor: str) -> State:
        """End the trial; the difference log stays."""
        with self._database.write() as tx:
            turns.take(tx)
            ended = policies.state(tx).shadow
            self._audit.append(tx, EventKind.POLICY_SHADOWED, actor, revision="", ended=ended)
            return policies.change(tx, "unshadowed", "", actor, self._clock.now())

    def roll_back(self, beginning: str, replay: Replay, actor: str) -> tuple[SignedBundle, State]:
        """Make a stored revision active again, whenever it was signed; without a name the former one.

        Raises:
            PasserelleError: `policy_revision_unknown`; as `verify`; as `activate` for one never active.
        """
        with self._database.read() as tx:
            revision = one_revision(tx, beginning or _former(tx)).revision
            archive = policies.archive(tx, revision) or b""
            was_active = any(
                row.revision == revision and row.action in ("activated", "rolled_back")
                for row in policies.changes(tx)
            )
        signed = self.verify(archive, actor)
        try:
            if not was_active:
                _approved(signed, replay(signed.bundle))
        except PasserelleError as error:
            self._refused(signed.digest, error, actor)
            raise
        with self._database.write() as tx:
            turns.take(tx)
            return signed, self._switch(tx, "rolled_back", signed, actor)

    def _newer(self, tx: Transaction, signed: SignedBundle) -> None:
        active = policies.state(tx).revision
        if not active or active == signed.bundle.revision:
            return
        if signed.issued <= one_revision(tx, active).issued:
            raise PasserelleError("policy_revision_older", signed.bundle.revision)

    def _switch(self, tx: Transaction, action: str, signed: SignedBundle, actor: str) -> State:
        revision, now = signed.bundle.revision, self._clock.now()
        self._audit.append(
            tx,
            _EVENTS[action],
            actor,
            revision=revision,
            bundle=signed.digest.hex(),
            signers=[signed.first, signed.second],
            former=policies.state(tx).revision,
        )
        row = StoredRevision(revision, signed.digest, signed.issued, signed.first, signed.second, now)
        policies.put(tx, row, signed.archive)
        return policies.change(tx, action, revision, actor, now)

    def _refused(self, digest: bytes, error: PasserelleError, actor: str) -> None:
        with self._database.write() as tx:
            self._audit.append(tx, EventKind.POLICY_REFUSED, actor, bundle=digest.hex(), code=error.code)


_EVENTS = {
    "activated": EventKind.POLICY_ACTIVATED,
    "rolled_back": EventKind.POLICY_ROLLED_BACK,
    "shadowed": EventKind.POLICY_SHADOWED,
}


def one_revision(tx: Transaction, beginning: str) -> StoredRevision:
    """The one revision whose name, data revision or bundle's hash begins so.

    Raises:
        PasserelleError: `policy_revision_unknown`, none or more than one.
    """
    found = [
        row
        for row in policies.listing(tx)
        if any(name.startswith(beginning) for name in (row.revision, _data(row.revision), row.digest.hex()))
    ]
    if len(found) != 1 or not beginning:
        raise PasserelleError("policy_revision_unknown", f"{len(found)} revisions begin so")
    return found[0]


def _former(tx: Transaction) -> str:
    """The revision that was active before the present one; empty where there was none."""
    active = policies.state(tx).revision
    past = [row for row in policies.changes(tx) if row.action in ("activated", "rolled_back")]
    return next((row.revision for row in reversed(past) if row.revision != active), "")


def _data(revision: str) -> str:
    return revision.partition("+")[2]


def refuse_newly_allowed(report: Report, *, approved: bool) -> None:
    """Refuse a replay that says too little, or more than was approved.

    Raises:
        PasserelleError: `policy_replay_incomplete`, `policy_approval_missing`.
    """
    if report.unanswered:
        raise PasserelleError("policy_replay_incomplete", f"{report.unanswered} of {report.decisions}")
    newly = report.count(ChangeKind.NEWLY_ALLOWED)
    if newly and not approved:
        raise PasserelleError("policy_approval_missing", f"{newly} of {report.decisions} newly allowed")


def _approved(signed: SignedBundle, report: Report) -> None:
    refuse_newly_allowed(report, approved=signed.newly_allowed)
