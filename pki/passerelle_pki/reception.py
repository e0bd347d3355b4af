"""What stands behind the authority's listener: renewals, enrolments, lists, and the welcome of newcomers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from passerelle.errors import PasserelleError
from passerelle.sign import Signed, VerifyingKey
from passerelle.welcome import EnrolmentStatus, TrusteeAddress, Welcome
from passerelle_pki.announce import Announcements
from passerelle_pki.config import FederationSettings
from passerelle_pki.enrolment import Desk
from passerelle_pki.publish import Lists
from passerelle_pki.renew import Renewals
from passerelle_pki.store.enrolments import EnrolmentState


@dataclass(frozen=True, slots=True)
class Reception:
    """The steps of one authority. One thread."""

    renewals: Renewals
    desk: Desk
    lists: Lists
    announcements: Announcements
    welcome: Callable[[], Welcome | None]

    def progress(self, ticket: bytes) -> EnrolmentStatus:
        """How far an enrolment is; approved once its leaf is there.

        Raises:
            PasserelleError: `enrolment_ticket_unknown`.
        """
        known = self.desk.progress(ticket)
        if known.state is EnrolmentState.APPROVED and known.chain:
            return EnrolmentStatus(str(known.state), known.chain, self.welcome())
        rejected = known.state is EnrolmentState.REJECTED
        return EnrolmentStatus(
            str(EnrolmentState.REJECTED if rejected else EnrolmentState.REQUESTED), b"", None
        )


def make_welcome(
    settings: FederationSettings | None,
    group_keys: Path | None,
    key: VerifyingKey,
    entries: tuple[Signed, ...],
) -> Welcome:
    """What a newcomer is told at this moment; without `[federation]` the registry alone.

    Raises:
        PasserelleError: `config_invalid`, the document of the group keys cannot be read.
    """
    document = b""
    if group_keys is not None:
        try:
            document = group_keys.read_bytes()
        except OSError as error:
            raise PasserelleError("config_invalid", f"group_keys: {type(error).__name__}") from error
    return Welcome(
        registry_key=key.raw,
        entries=entries,
        hub_agency=settings.hub_agency if settings else "",
        hub_address=settings.hub_address if settings else "",
        trustees=tuple(TrusteeAddress(one.index, one.agency, one.address) for one in settings.trustees)
        if settings
        else (),
        group_keys=document,
        domain=settings.domain if settings else "",
    )
