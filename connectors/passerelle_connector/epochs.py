"""Which token epoch a connector works in: the one configured, or a later one that it went over to by itself.

(1) before each reading the hub says which epochs it takes;
(2) a later one than ours is *due* once its keys are pinned for every group that ours has keys for; which keys
    those are is read again from the disk, so that a document laid there while the connector runs counts;
(3) the connector ends what it does and is wired anew with the due epoch; the next reading tokenises every row
    again, each as a revision of its record, and batches that were closed before go out as they are;
(4) after a restart the epoch is that of the newest cached token, or the configured one if that is later.

A crash at any of these is a restart: the epoch is found due again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from passerelle.errors import PasserelleError
from passerelle.log import get_logger
from passerelle.oprf.pinned import GroupKeys
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.model import TokenProtocol
from passerelle_connector.ports import AcceptedDomain
from passerelle_connector.store.tokens import TokenCache

_LOG: Final = get_logger("epochs")


def at_epoch(settings: ConnectorSettings, tokens: TokenCache) -> ConnectorSettings:
    """Step 4: the settings with the epoch that the connector works in."""
    return settings.model_copy(update={"epoch": max(settings.epoch, tokens.newest_epoch())})


def has_keys(keys: GroupKeys, domain: str, epoch: int, like: int) -> bool:
    """Whether an epoch has keys for every group that another one has keys for."""

    def groups(of: int) -> set[str]:
        return {key.group for key in keys.keys if (key.domain, key.epoch) == (domain, of)}

    return groups(like) <= groups(epoch) != set()


class Turning:
    """Notices that a later epoch is due."""

    def __init__(self, protocol: TokenProtocol, pinned: Callable[[], GroupKeys]) -> None:
        """`pinned` reads the pinned keys again."""
        self._protocol = protocol
        self._pinned = pinned
        self.epoch = 0
        """The epoch that is due; 0 for none."""

    def check(self, domains: tuple[AcceptedDomain, ...]) -> None:
        """Steps 1 and 2, for what the hub takes; pass silently where nothing is due.

        Raises:
            PasserelleError: `epoch_turned`, its detail is the epoch to go over to.
        """
        ours = self._protocol
        offered = [one for one in _epochs(domains, ours.domain) if one > ours.epoch]
        if not offered:
            return
        try:
            keys = self._pinned()
        except PasserelleError as error:
            _LOG.warning("keys.unreadable", code=error.code, detail=error.detail)
            return
        ready = [one for one in offered if has_keys(keys, ours.domain, one, ours.epoch)]
        if ready:
            _LOG.info("epoch.turned", detail=f"{ours.epoch} to {max(ready)}")
            self.epoch = max(ready)
            raise PasserelleError("epoch_turned", str(self.epoch))


def _epochs(domains: tuple[AcceptedDomain, ...], domain: str) -> tuple[int, ...]:
    return tuple(epoch for one in domains if one.name == domain for epoch in one.epochs)
