"""The registry: which parties belong to the federation, each stated in an entry signed by the registry's key.

Rules
-----
1. A party's entries are numbered without gaps; each publication is a new revision and the old ones stay.
2. A name once given keeps its trust domain for ever.
3. Before an entry is signed, the manifest in it is not interpreted: whoever uses it verifies it
   (`passerelle.manifest`).
4. The entry is stored, durably, before it is returned. After a crash before that, nobody has it: publish
   again.

The folder holds `registry.key` (mode 0600), `registry.pub` and `registry.sqlite`. `registry.pub` goes to
every hub, trustee and connector out of band.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from passerelle.clock import Clock
from passerelle.errors import PasserelleError
from passerelle.identity import Role
from passerelle.keyfile import KeyKind, read_key, write_durably, write_key
from passerelle.privatefile import make_folder
from passerelle.registry_entry import RegistryEntry, Status, sign_entry, verify_entry
from passerelle.sign import Signed, SigningKey, VerifyingKey
from passerelle_pki.store import open_database
from passerelle_pki.store.entries import EntryStore

KEY_FILE: Final = "registry.key"
PUBLIC_FILE: Final = "registry.pub"
DATABASE_FILE: Final = "registry.sqlite"


@dataclass(frozen=True, slots=True)
class Party:
    """What the registry's operator decides about one party; fields as in `RegistryEntry`."""

    agency: str
    trust_domain: str
    roles: tuple[Role, ...]
    name: str
    roots_pem: bytes
    manifest: bytes
    status: Status = Status.ACTIVE


class Registry:
    """Signs and keeps entries. One process per folder."""

    def __init__(self, key: SigningKey, store: EntryStore, clock: Clock) -> None:
        self._key = key
        self._store = store
        self._clock = clock

    @property
    def public_key(self) -> VerifyingKey:
        """The key that entries verify with."""
        return self._key.public

    def publish(self, party: Party) -> Signed:
        """A new revision of the party's entry.

        Raises:
            PasserelleError: `registry_entry_invalid`, `identity_malformed`, `certificate_malformed`.
        """
        known = {entry.agency: entry for entry in self.entries()}.get(party.agency)
        if known is not None and known.trust_domain != party.trust_domain:
            raise PasserelleError("registry_entry_invalid", f"{party.agency}: another trust domain")
        entry = RegistryEntry(
            agency=party.agency,
            trust_domain=party.trust_domain,
            roles=tuple(sorted(party.roles)),
            name=party.name,
            roots_pem=party.roots_pem,
            manifest=party.manifest,
            status=party.status,
            revision=known.revision + 1 if known else 1,
            issued=self._clock.now(),
        )
        signed = sign_entry(self._key, entry)
        self._store.add(entry.agency, entry.revision, signed)
        return signed

    def entries(self) -> tuple[RegistryEntry, ...]:
        """The current entry of every party, verified again, by name.

        Raises:
            PasserelleError: `signature_invalid` and its kin, an entry was changed in the database.
        """
        return tuple(verify_entry(signed, self.public_key) for signed in self.signed())

    def signed(self) -> tuple[Signed, ...]:
        """The current entry of every party as signed, by name of the agency."""
        return self._store.current()


def create_registry(folder: Path, clock: Clock) -> Registry:
    """A new registry with a fresh key, in a folder that holds none.

    Raises:
        PasserelleError: `authority_exists`.
    """
    make_folder(folder)
    if (folder / KEY_FILE).exists():
        raise PasserelleError("authority_exists", folder.name)
    key = SigningKey.generate()
    write_durably(folder / PUBLIC_FILE, key.public.raw, mode=0o644, replace=True)
    write_key(folder / KEY_FILE, KeyKind.SIGNING, key.raw)
    return open_registry(folder, clock)


def open_registry(folder: Path, clock: Clock) -> Registry:
    """The registry of a folder.

    Raises:
        PasserelleError: `authority_version`, what reading a key file raises.
    """
    key = SigningKey(read_key(folder / KEY_FILE, KeyKind.SIGNING))
    return Registry(key, EntryStore(open_database(folder / DATABASE_FILE)), clock)


def read_public_key(file: Path) -> VerifyingKey:
    """The key of a registry from its `registry.pub`.

    Raises:
        PasserelleError: `key_malformed`, `authority_unreadable`.
    """
    try:
        return VerifyingKey(file.read_bytes())
    except OSError as error:
        raise PasserelleError("authority_unreadable", f"{file.name}: {type(error).__name__}") from error
