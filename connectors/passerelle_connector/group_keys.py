"""The group keys that a connector pins: who chooses them chooses the tokens, so every start verifies them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from passerelle.agreed_keys import AgreedKeys, Verify, is_agreed, newest
from passerelle.entry_files import naming, unreadable
from passerelle.errors import PasserelleError
from passerelle.oprf.pinned import Ceremony, GroupKeys
from passerelle.sign import Signed
from passerelle_connector.config import ConnectorSettings
from passerelle_connector.peers import Peers


def load_group_keys(settings: ConnectorSettings, peers: Peers, now: int) -> GroupKeys:
    """The pinned public group keys: one document, or a folder of them, of each key the newest generation.

    Keys that a ceremony made are believed once every configured trustee confirmed them.

    Raises:
        PasserelleError: `config_invalid`, also for keys that one process dealt, where not allowed;
            `group_key_invalid`, `group_keys_unconfirmed`, or what a trustee's signature raises.
    """
    place = settings.path(settings.group_keys)
    try:
        files = sorted(place.glob("*.json")) if place.is_dir() else [place]
        documents = {file: file.read_text("utf-8") for file in files}
    except OSError as error:
        raise unreadable(error) from error
    except UnicodeError as error:
        raise PasserelleError("config_invalid", f"group_keys: {type(error).__name__}") from error
    if not documents:
        raise PasserelleError("config_invalid", "group_keys: an empty folder")
    trustees = {trustee.index: trustee.agency for trustee in settings.trustees}

    def verify(agency: str, signed: Signed, payload_type: str) -> bytes:
        return peers.verify_of(agency, signed, payload_type, now)

    return newest(tuple(_group_keys(*one, settings, trustees, verify) for one in documents.items()))


def _group_keys(
    file: Path, document: str, settings: ConnectorSettings, trustees: Mapping[int, str], verify: Verify
) -> GroupKeys:
    with naming(file):
        if is_agreed(document):
            return AgreedKeys.from_json(document).verified(trustees, verify)
        keys = GroupKeys.from_json(document)
        if keys.ceremony is not Ceremony.DEVELOPMENT:
            raise PasserelleError("group_keys_unconfirmed", "keys of a ceremony without its confirmations")
    if not settings.development_keys:
        raise PasserelleError("config_invalid", "group_keys: dealt by one process; see development_keys")
    return keys
